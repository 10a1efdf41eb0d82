using System.Text;
using Portolan.Cli.Guest;
using Portolan.Documents.Json;
using Portolan.Lab.Guest;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>One boot of a chain and what the guest met there.</summary>
/// <param name="Result">The boot.</param>
/// <param name="Document">The hop's document as the lab kernel wrote it; null where it did not come back.</param>
/// <param name="Words">The same in words.</param>
/// <param name="Ok">Did the guest arrive and read what it read at its start?</param>
/// <param name="Broke">Was the guest refused, or does it see that it was moved?</param>
internal sealed record ChainHop(LabResult Result, string? Document, string Words, bool Ok, bool Broke)
{
    /// <summary>The folder under the lab kernel's working folder in which the guest is left.</summary>
    public const string Folder = "carried";

    private const int IncompatibleCode = 1;

    /// <summary>What a boot brought back.</summary>
    public static ChainHop Of(LabResult result)
    {
        byte[]? document = File(result, GuestCarry.HopFile);
        bool ok = document is not null && JsonParser.Parse(GuestCarry.HopFile, document) is { Ok: true } parsed && parsed.Value["ok"] is { IsTrue: true };
        GuestReply? reply = Reply(result);
        string words = reply?.Output.Content is { } text ? Encoding.UTF8.GetString(text) : "";
        return new ChainHop(result, document is null ? null : Encoding.UTF8.GetString(document), words, ok, reply?.ExitCode == IncompatibleCode);
    }

    /// <summary>A file that the carry command left; null where it did not come back whole.</summary>
    public static byte[]? File(LabResult result, string name)
        => Reply(result)?.Files.TryGetValue($"{Folder}/{name}", out ReturnedFile? file) is true ? file.Content : null;

    private static GuestReply? Reply(LabResult result) => result.Boot.Replies.FirstOrDefault(static reply => reply.Command.Files.Length > 0);
}
