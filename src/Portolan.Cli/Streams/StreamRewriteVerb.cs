using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Kvm;
using Portolan.Kvm.Linux.Interop;
using Portolan.Streams;
using Portolan.Streams.Cpu;
using Portolan.Streams.Libvirt;
using Portolan.Streams.Rewrite;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary><c>portolan stream rewrite</c>: repairs the vCPUs in a stream and proves that nothing else changed.</summary>
internal static class StreamRewriteVerb
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = new("STREAM") { Description = "A QEMU migration stream or a libvirt save image. A compressed one is written unpacked." };
        Option<string> to = new("--to") { Description = "Write the new stream into this file, whole or not at all.", HelpName = "FILE", Required = true };
        Option<string?> guest = new("--guest") { Description = "The contract of the guest: what it was promised.", HelpName = "FILE" };
        Option<string?> xml = new("--xml") { Description = "The guest's libvirt domain XML, in place of its contract. A save image has its own, which is taken without this.", HelpName = "FILE" };
        Option<bool> sanitise = new("--sanitise-xstate-bv") { Description = "Clear from XSTATE_BV what the guest was never promised. Needs to know what that is." };
        Option<string[]> drop = new("--drop") { Description = "Drop a subsection of the vCPUs, as in cpu/pkru. May be given several times.", HelpName = "SUBSECTION" };
        Option<string[]> set = new("--set") { Description = "Set a field of the vCPUs, as in env.xstate_bv=0x7 or \"cpu/pkru: env.pkru=0\". May be given several times.", HelpName = "FIELD=VALUE" };
        Option<string[]> clear = new("--clear") { Description = "Set a field of the vCPUs to 0. May be given several times.", HelpName = "FIELD" };
        Option<uint?> vcpu = new("--vcpu") { Description = "Change only this vCPU.", HelpName = "ID" };
        Option<bool> force = new("--force") { Description = "Remove even what the guest was promised, or what cannot be shown to be outside of that." };
        Option<bool> json = CommonOptions.Json();
        Command command = new("rewrite", "Repair the vCPUs in a stream: a new file, and the proof that nothing else changed.") { file, to, guest, xml, sanitise, drop, set, clear, vcpu, force, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(guest) is not null && result.GetValue(xml) is not null)
            {
                result.AddError("give --guest or --xml, not both");
            }
        });
        command.SetAction(parsed => (int)Run(
            terminal,
            new RewriteAsked(parsed.GetRequiredValue(file), parsed.GetRequiredValue(to), parsed.GetValue(guest), parsed.GetValue(xml), parsed.GetValue(set) ?? [], parsed.GetValue(clear) ?? []),
            new RewriteRequest { SanitisesXstateBv = parsed.GetValue(sanitise), Drops = [.. parsed.GetValue(drop) ?? []], Vcpu = parsed.GetValue(vcpu), Force = parsed.GetValue(force) },
            parsed.GetValue(json)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, RewriteAsked asked, RewriteRequest request, bool json)
    {
        if (asked.Settings(out string? wrong) is not { } settings)
        {
            return terminal.RefuseUsage(wrong!);
        }

        Reading<StreamPromise> promise = StreamPromise.Read(terminal, asked.Guest, asked.Xml);
        if (!promise.Ok)
        {
            return terminal.Refuse(promise.Fault);
        }

        request = request with { Sets = settings };
        if (!request.SanitisesXstateBv && request.Drops.IsEmpty && request.Sets.IsEmpty)
        {
            return terminal.RefuseUsage("nothing to change: give --sanitise-xstate-bv, --drop, --set or --clear");
        }

        if (asked.File == InputFile.StandardInput)
        {
            return terminal.RefuseUsage("STREAM -: the stream is read more than once, so it cannot come from standard input; name a file");
        }

        using SafeFileHandle? handle = PlainFile.OpenForReading(asked.File, out FileKind kind, out Errno errno);
        if (handle is null)
        {
            return terminal.Refuse(InputFile.NotReadable(asked.File, kind, errno));
        }

        using FileStream input = new(handle, FileAccess.Read, bufferSize: 0);
        return Rewrite(terminal, asked, request, promise.Value, input, json);
    }

    private static ExitCode Rewrite(Terminal terminal, RewriteAsked asked, RewriteRequest request, StreamPromise promise, FileStream packed, bool json)
    {
        StreamFile? file = StreamFile.Open(packed, out StreamFault? fault);
        bool isPacked = file is { Compression: not SaveCompression.Raw };
        using FileStream? unpacked = isPacked ? UnpackedCopy.Make(packed, file!, asked.To, out fault) : null;
        FileStream input = unpacked ?? packed;
        StreamReading reading = file is null || fault is not null ? new StreamReading(new MigrationStream(), fault) : MigrationStreamReader.Read(isPacked ? input : file.Body);
        ImmutableArray<StreamVcpu> vcpus = reading.Ok ? StreamVcpu.All(reading.Stream, out fault) : [];
        if ((reading.Fault ?? fault) is { } unread)
        {
            return terminal.Refuse(StreamInput.FaultOf(asked.File, unread));
        }

        StreamPromise known = promise.OrOf(terminal, asked.File, file!.Image);
        if (known.Contradiction(reading.Stream) is { } contradiction)
        {
            return terminal.Refuse(contradiction);
        }

        request = request with { Contract = known.Contract };
        RewritePlan plan = RewritePlanner.Plan(reading.Stream, vcpus, DescriptionOf(input, reading.Stream, file.StreamOffset), request);
        if (plan.Refusal is { } refusal)
        {
            terminal.Say($"{asked.File}: {refusal}{(plan.MayBeForced ? "; --force removes it all the same" : "")}");
            return plan.MayBeForced ? ExitCode.Incompatible : ExitCode.Usage;
        }

        if (PlainFile.KindOf(asked.To) == FileKind.Special)
        {
            return terminal.Refuse(new InputFault(asked.To, "a file to write", "a FIFO, socket or device", "name a file"));
        }

        InputFault? unwritten = AtomicFile.Write(asked.To, output => WriteAndProve(asked, input, output, reading.Stream, vcpus, plan, file.StreamOffset));
        return unwritten is not null
            ? terminal.Refuse(unwritten)
            : Answer.Give(terminal, null, json, () => RewriteDocument.Write(plan), () => RewriteDocument.Report(asked, plan, isPacked ? file.Compression : null));
    }

    /// <summary>The new file is compared with the old byte by byte and read again before it takes its name.</summary>
    private static InputFault? WriteAndProve(
        RewriteAsked asked, FileStream input, FileStream output, MigrationStream before, ImmutableArray<StreamVcpu> vcpus, RewritePlan plan, long start)
    {
        StreamCopy.Write(input, output, plan.Edits, start);
        output.Flush();
        if (StreamCopy.FirstDifference(input, output, plan.Edits, start) is { } different)
        {
            return new InputFault(asked.To, "a copy with the planned changes alone", string.Create(CultureInfo.InvariantCulture, $"another byte at {different}"), "check the disk");
        }

        output.Position = start;
        return RewriteProof.Problem(before, vcpus, MigrationStreamReader.Read(output), plan) is { } problem
            ? new InputFault(asked.To, "a stream with the planned changes alone", problem, "please report it with the stream")
            : null;
    }

    private static ReadOnlyMemory<byte> DescriptionOf(FileStream input, MigrationStream stream, long start)
    {
        if (stream.Description is not { } description)
        {
            return default;
        }

        byte[] bytes = new byte[description.Length];
        input.Position = start + description.Offset;
        input.ReadExactly(bytes);
        return bytes;
    }
}

/// <summary>A rewrite as it was asked for.</summary>
/// <param name="File">The stream.</param>
/// <param name="To">The new file.</param>
/// <param name="Guest">The contract's file, if one was given.</param>
/// <param name="Xml">The domain XML's file, if one was given.</param>
/// <param name="Sets">Fields to set, each with its value.</param>
/// <param name="Clears">Fields to clear.</param>
internal sealed record RewriteAsked(string File, string To, string? Guest, string? Xml, string[] Sets, string[] Clears)
{
    /// <summary>The fields to set; null, and why, where one makes no sense.</summary>
    public ImmutableArray<FieldSetting>? Settings(out string? wrong)
    {
        wrong = null;
        ImmutableArray<FieldSetting>.Builder settings = ImmutableArray.CreateBuilder<FieldSetting>();
        foreach (string set in Sets)
        {
            int at = set.LastIndexOf('=');
            string text = at < 0 ? "" : set[(at + 1)..].Trim();
            bool ok = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
                ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
                : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
            if (at < 1 || !ok)
            {
                wrong = $"--set {set}: expected FIELD=VALUE, the value decimal or 0x…";
                return null;
            }

            settings.Add(new FieldSetting(set[..at].Trim(), value));
        }

        settings.AddRange(Clears.Select(static field => new FieldSetting(field.Trim(), 0)));
        return settings.ToImmutable();
    }
}
