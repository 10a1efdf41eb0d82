using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary><c>portolan host predict</c>: the snapshot a host or a CPU would have with one thing changed.</summary>
internal static class HostPredict
{
    public static Command Command(Terminal terminal)
    {
        Argument<string?> file = new("FILE") { Description = "The host snapshot to change; '-' reads standard input.", Arity = ArgumentArity.ZeroOrOne };
        PredictOptions options = new();
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("predict", "The snapshot a host or CPU would have with another kernel, generation or feature.") { file, json, output };
        options.AddTo(command);
        command.SetAction(parsed => (int)Run(terminal, parsed.GetValue(file), options.Of(parsed), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string? file, PredictRequest request, bool json, string? output)
    {
        if ((file is null) == (request.Cpu is null))
        {
            return terminal.RefuseUsage("give either a host snapshot or --cpu; see 'portolan host predict --help'");
        }

        if (request.Fault is not null)
        {
            return terminal.RefuseUsage(request.Fault);
        }

        Reading<HostSnapshot> start = file is not null ? InputFile.Host(terminal, file) : Reading.Of(Predictor.ForCpu(request.Cpu!, request.Kernel!.Value));
        if (!start.Ok)
        {
            return terminal.Refuse(start.Fault);
        }

        foreach (string remark in ModuleParameterWords.Remarks(request.Parameters))
        {
            terminal.Say(remark);
        }

        HostSnapshot predicted = request.Apply(start.Value, kernelIsDone: file is null);
        return Answer.Give(terminal, output, json, () => HostSnapshotDocument.Write(predicted), () => HostReport.Of(predicted));
    }
}
