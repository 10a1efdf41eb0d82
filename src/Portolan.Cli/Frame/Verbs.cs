using System.CommandLine;
using Portolan.Cli.Check;
using Portolan.Cli.Conformance;
using Portolan.Cli.Contract;
using Portolan.Cli.Guest;
using Portolan.Cli.Host;
using Portolan.Cli.Lab;
using Portolan.Cli.Pool;
using Portolan.Cli.Streams;
using Portolan.Cli.Trace;

namespace Portolan.Cli.Frame;

/// <summary>The tree of commands. A verb is one file: parse, one pure call, render.</summary>
internal static class Verbs
{
    public static RootCommand Root(Terminal terminal) => new("Charts the safe passages of KVM x86 guests between hosts.")
    {
        new Command("host", "Snapshots of hosts.")
        {
            HostDump.Command(terminal),
            HostClassify.Command(terminal),
            HostPredict.Command(terminal),
            HostShow.Command(terminal),
            HostDiff.Command(terminal),
            HostImport.Command(terminal),
            HostExport.Command(terminal),
        },
        new Command("guest", "Contracts of guests.")
        {
            GuestDefine.Command(terminal),
            GuestShow.Command(terminal),
            GuestVmxMsrs.Command(terminal),
            GuestExport.Command(terminal),
            GuestLint.Command(terminal),
            GuestCarry.Command(terminal),
        },
        CheckVerb.Command(terminal),
        TraceVerb.Command(terminal),
        new Command("pool", "Pools of hosts.")
        {
            PoolMatrix.Command(terminal),
        },
        new Command("stream", "Migration streams and save images.")
        {
            StreamInspect.Command(terminal),
            StreamCheck.Command(terminal),
            StreamDiff.Command(terminal),
            StreamRewriteVerb.Command(terminal),
            StreamWatch.Command(terminal),
        },
        new Command("contract", "The rules that a check judges by.")
        {
            ContractList.Command(terminal),
            ContractShow.Command(terminal),
        },
        new Command("conformance", "The cases of the contract, run on kernels and on the model.")
        {
            ConformanceRun.Command(terminal),
            ConformanceDifferential.Command(terminal),
            ConformanceEvmcsTable.Command(terminal),
        },
        new Command("lab", "Kernels of the distribution, booted in an emulator.")
        {
            LabRunVerb.Command(terminal),
            LabChainVerb.Command(terminal),
        },
    };
}
