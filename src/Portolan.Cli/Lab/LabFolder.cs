using Portolan.Documents;
using Portolan.Lab.Guest;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>Keeps what lab kernels sent: in a folder for each boot, and as records of their kernels.</summary>
/// <param name="root">The folder of the boots' folders; null for none.</param>
/// <param name="records">The folder of hosts and results, such as the repository's data; null for none.</param>
internal sealed class LabFolder(string? root, string? records)
{
    /// <summary>Makes the folders; answers null, or why it could not.</summary>
    public InputFault? Prepare() => (root is null ? null : Make(root)) ?? (records is null ? null : RecordFolder.Prepare(records));

    /// <summary>Keeps what one boot sent; answers null, or why it could not.</summary>
    public InputFault? Keep(LabResult result)
        => (root is null ? null : KeepFiles(Path.Combine(root, result.Name), result)) ?? (records is null ? null : RecordFolder.Keep(records, result));

    private static InputFault? KeepFiles(string folder, LabResult result)
    {
        if (Make(folder) is { } refused)
        {
            return refused;
        }

        return Files(result)
            .Select(file => AtomicFile.Write(Path.Combine(folder, file.Name), file.Content))
            .FirstOrDefault(static fault => fault is not null);
    }

    private static IEnumerable<(string Name, byte[] Content)> Files(LabResult result)
    {
        yield return ("console.log", result.Boot.Console);
        foreach (GuestReply reply in result.Boot.Replies)
        {
            bool isDocument = reply.Command.Name is LabRequest.HostCommand or LabRequest.ConformanceCommand;
            if (reply.Output.Content is { } content && (!isDocument || content.Length > 0))
            {
                yield return (reply.Command.Name + (isDocument ? ".json" : ".out"), content);
            }

            if (reply.Error.Content is { Length: > 0 } messages)
            {
                yield return (reply.Command.Name + ".err", messages);
            }

            foreach ((string name, ReturnedFile file) in reply.Files)
            {
                if (file.Content is { } bytes)
                {
                    yield return ($"{reply.Command.Name}-{Path.GetFileName(name)}", bytes);
                }
            }
        }
    }

    internal static InputFault? Make(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return null;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return new InputFault(folder, "a folder to write into", Printable.OneLine(refused.Message), "choose another with -o");
        }
    }
}
