using System.Collections.Immutable;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;
using Portolan.Kvm.Snapshot;
using Portolan.Lab.Emulators;
using Portolan.Lab.Guest;
using Portolan.Lab.Kernels;

namespace Portolan.Lab.Runs;

/// <summary>How many cases of the contract ended how.</summary>
public sealed record ConformanceCounts(int Pass, int Fail, int Deviation, int NotDecidable);

/// <summary>What one kernel under one oracle gave.</summary>
/// <param name="Kernel">The kernel as it was asked for.</param>
/// <param name="Package">The package that it came from; null for files and folders.</param>
/// <param name="Oracle">The emulated CPU.</param>
/// <param name="Header">What the image says of itself.</param>
/// <param name="Boot">The boot.</param>
public sealed record LabResult(string Kernel, string? Package, Oracle Oracle, BootHeader Header, BootReport Boot)
{
    /// <summary>What the host's snapshot and the folder of results are called: <c>amd-qemu-max-6.1.192</c>.</summary>
    public string Name => NameOf(Oracle, Header);

    /// <summary>The host's snapshot, or why there is none.</summary>
    public Reading<HostSnapshot> Host { get; } = Boot.Replies.FirstOrDefault(static reply => reply.Command.Name == LabRequest.HostCommand) is { } reply
        ? DocumentOf(reply) is { Ok: true } document ? HostSnapshotDocument.Read("host.json", document.Value) : Reading.Refused<HostSnapshot>(DocumentOf(reply).Fault!)
        : Reading.Refused<HostSnapshot>(new InputFault("host.json", "a host snapshot", "none", "run host dump in the lab"));

    /// <summary>The counts of the contract's cases; null where they were not run or did not come back.</summary>
    public ConformanceCounts? Conformance { get; } = Boot.Replies.FirstOrDefault(static reply => reply.Command.Name == LabRequest.ConformanceCommand) is { } reply
        ? CountsOf(reply) : null;

    /// <summary>What of the results is missing, one line each; empty where the boot gave all that was asked.</summary>
    public ImmutableArray<string> Missing
    {
        get
        {
            List<string> lines = [];
            if (Boot.Outcome != BootOutcome.Finished)
            {
                lines.Add(Boot.Outcome switch
                {
                    BootOutcome.TimedOut => $"stopped at its time limit in stage {Boot.Stage}",
                    BootOutcome.Panicked => $"the kernel panicked in stage {Boot.Stage}",
                    BootOutcome.Failed => $"the lab kernel could not load: {Boot.Failure}",
                    _ => $"the emulator ended in stage {Boot.Stage}",
                });
            }

            foreach (GuestReply reply in Boot.Replies)
            {
                if (Complaint(reply) is { } complaint)
                {
                    lines.Add($"{reply.Command.Name}: {complaint}");
                }
            }

            if (Boot.Outcome == BootOutcome.Finished && !Host.Ok)
            {
                lines.Add(Host.Fault.ToString());
            }

            return [.. lines.Distinct()];
        }
    }

    /// <summary>Did the kernel keep the contract, as far as its cases were run?</summary>
    public bool KeepsContract => Conformance is not { Fail: > 0 };

    internal static string NameOf(Oracle oracle, BootHeader header) => $"{oracle.HostName}-{header.Upstream}";

    /// <summary>A command failed if it did not end with 0. Of the cases, 1 is their verdict.</summary>
    private static string? Complaint(GuestReply reply)
    {
        if (reply.ExitCode is not { } code)
        {
            return "it did not come to its end";
        }

        if (reply.Output.Damage is { } damage)
        {
            return $"its output did not come back: {damage}";
        }

        string? file = reply.Files.Where(static file => file.Value.Damage is not null).Select(static file => $"{file.Key} did not come back: {file.Value.Damage}").FirstOrDefault();
        return code == 0 || code == 1 && reply.Command.Name == LabRequest.ConformanceCommand ? file : $"exit code {code}: {LastLine(reply.Error)}";
    }

    private static string LastLine(ReturnedFile file)
        => file.Content is null ? "its messages did not come back"
        : Printable.OneLine(System.Text.Encoding.UTF8.GetString(file.Content).Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "it said nothing");

    private static Reading<byte[]> DocumentOf(GuestReply reply)
        => Complaint(reply) is { } complaint || reply.Output.Content is null
            ? Reading.Refused<byte[]>(new InputFault($"{reply.Command.Name}.json", "a document", Complaint(reply) ?? "none", "look at the console"))
            : Reading.Of(reply.Output.Content);

    private static ConformanceCounts? CountsOf(GuestReply reply)
    {
        if (reply.Output.Content is not { } content || JsonParser.Parse("conformance.json", content) is not { Ok: true } document)
        {
            return null;
        }

        JsonValue? summary = document.Value["summary"];
        return summary is null ? null : new ConformanceCounts(Count(summary, "pass"), Count(summary, "fail"), Count(summary, "deviation"), Count(summary, "notDecidable"));
    }

    private static int Count(JsonValue summary, string name)
        => int.TryParse(summary[name]?.Text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int count) ? count : 0;
}
