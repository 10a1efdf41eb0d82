using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Conformance;
using Portolan.Conformance.Differential;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Conformance;

/// <summary><c>portolan conformance differential</c>: the live kernel and the model of its snapshot get the same random ioctls.</summary>
internal static class ConformanceDifferential
{
    private const long MostIoctls = 1_000_000_000;
    private const string Live = "live";
    private const string Word = "model";

    public static Command Command(Terminal terminal)
    {
        Option<long> count = new("--count") { Description = "How many random ioctls the kernel gets; those that compare the states come on top.", HelpName = "N", DefaultValueFactory = static _ => 100_000 };
        Option<int> seed = new("--seed") { Description = "The first sequence's seed; the same seed gives the same ioctls.", HelpName = "S", DefaultValueFactory = static _ => 1 };
        Option<string> subject = new("--subject")
        {
            Description = "Who is asked: live (this host's KVM), or, to see what the run would find, in the kernel's place the model of --host: model (as it is) or model:G2b (in that generation).",
            HelpName = "SUBJECT",
            DefaultValueFactory = static _ => Live,
        };
        Option<string?> host = new("--host") { Description = "The host snapshot whose model is compared: a file, shipped:NAME or '-'. Without it, the one that is recorded live.", HelpName = "FILE" };
        Option<string> device = LiveOptions.Device();
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("differential", "Give a kernel and the model of its snapshot the same random ioctls, and compare answers and states.") { count, seed, subject, host, device, json, output };
        command.SetAction(parsed =>
        {
            long wanted = parsed.GetValue(count);
            if (wanted is < 1 or > MostIoctls)
            {
                return (int)terminal.RefuseUsage($"--count {wanted}: expected 1 to {MostIoctls}");
            }

            (string name, string? file) = (parsed.GetRequiredValue(subject), parsed.GetValue(host));
            using LiveSubject? live = name == Live ? LiveSubject.TryOpen(parsed.GetRequiredValue(device), out string? reason) : NotAsked(out reason);
            if (name == Live && live is null)
            {
                return (int)terminal.RefuseHost(reason!);
            }

            Reading<Sides> sides = Choose(terminal, name, file, live);
            if (!sides.Ok)
            {
                return (int)terminal.Refuse(sides.Fault);
            }

            int first = parsed.GetValue(seed);
            DifferentialReport report = new DifferentialRun(sides.Value.Kernel, sides.Value.Model).Run(wanted, first);
            return (int)Answer.Give(
                terminal, parsed.GetValue(output), parsed.GetValue(json), () => Write(sides.Value.Kernel, first, report), () => Text(report), report.Ok ? ExitCode.Done : ExitCode.Incompatible);
        });
        return command;
    }

    /// <summary>Who stands in the kernel's place, and the model it is compared with.</summary>
    private sealed record Sides(ConformanceSubject Kernel, ConformanceSubject Model);

    private static LiveSubject? NotAsked(out string? reason)
    {
        reason = null;
        return null;
    }

    private static Reading<Sides> Choose(Terminal terminal, string name, string? file, LiveSubject? live)
    {
        if (live is null && name != Word && !name.StartsWith(Word + ":", StringComparison.Ordinal))
        {
            return Reading.Refused<Sides>(new InputFault($"--subject {name}", "live, model or model:GENERATION", $"'{name}'", "name the host that is modelled with --host"));
        }

        if (live is null && file is null)
        {
            return Reading.Refused<Sides>(new InputFault($"--subject {name}", "a host to model", "none", "name it with --host, for example shipped:amd-qemu-max-6.1.192"));
        }

        Reading<HostSnapshot> host = file is null ? Reading.Of(live!.Subject.Host) : InputFile.Host(terminal, file);
        if (!host.Ok)
        {
            return Reading.Refused<Sides>(host.Fault);
        }

        Reading<ConformanceSubject> model = ModelSubjects.Of(host.Value, Word);
        Reading<ConformanceSubject> kernel = live is null ? ModelSubjects.Of(host.Value, name) : Reading.Of(live.Subject);
        return !model.Ok ? Reading.Refused<Sides>(model.Fault) : !kernel.Ok ? Reading.Refused<Sides>(kernel.Fault) : Reading.Of(new Sides(kernel.Value, model.Value));
    }

    private static TextReport Text(DifferentialReport report)
    {
        TextReport text = new();
        ILookup<bool, DifferentialMismatch> known = report.Mismatches.ToLookup(static mismatch => mismatch.Reason is not null);
        text.Line($"{report.Steps} random ioctls in {report.Sequences} sequences, {report.Ioctls} with those that compare the states; {report.Undecided} sequences ended where the model lacks a fact");
        text.Line($"{known[false].Count()} unexplained differences, {known[true].Count()} known ones");
        foreach (DifferentialMismatch mismatch in known[false])
        {
            text.Heading($"{mismatch.Group}  ({mismatch.Times} times, seed {mismatch.Seed})");
            text.Columns(mismatch.Steps.Select(static (step, i) => (string[])[$"{i + 1}.", Printable.OneLine(step)]), LineTone.Faint);
            text.Columns([["kernel", Printable.OneLine(mismatch.Kernel)], ["model", Printable.OneLine(mismatch.Model)]]);
        }

        if (known[true].Any())
        {
            text.Heading("known");
            text.Columns(known[true].Select(static mismatch => (string[])[mismatch.Group, $"{mismatch.Times} times", mismatch.Reason!]));
        }

        return text;
    }

    private static ReadOnlyMemory<byte> Write(ConformanceSubject subject, int seed, DifferentialReport report)
    {
        using DocumentWriter writer = new(DocumentKind.Differential);
        writer.Json.WriteBoolean("ok", report.Ok);
        writer.Text("subject", subject.IsModel ? subject.Name : Live);
        writer.Text("host", subject.Host.Name);
        writer.Text("kernelRelease", subject.Host.KernelRelease?.Value);
        writer.Text("contentHash", HostSnapshotDocument.ContentHash(subject.Host));
        writer.Number("seed", seed);
        writer.Number("sequences", report.Sequences);
        writer.Number("steps", report.Steps);
        writer.Number("ioctls", report.Ioctls);
        writer.Number("undecided", report.Undecided);
        writer.Objects("mismatches", report.Mismatches, mismatch =>
        {
            writer.Text("group", mismatch.Group);
            writer.Number("times", mismatch.Times);
            writer.Number("seed", mismatch.Seed);
            writer.Strings("steps", mismatch.Steps);
            writer.Text("kernel", mismatch.Kernel);
            writer.Text("model", mismatch.Model);
            writer.Text("reason", mismatch.Reason);
        });
        return writer.Finish();
    }
}
