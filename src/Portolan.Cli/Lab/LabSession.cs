using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Portolan.Cli.Frame;
using Portolan.Lab;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>A lab run from the command line: interrupted, it ends what it started.</summary>
internal static class LabSession
{
    /// <summary>Why this build cannot run in the lab.</summary>
    public const string NoProgram = "this build needs the .NET runtime, which a lab kernel has not; ./portolan compiles ahead of time where gcc and zlib's headers are, or name such a program with --program";

    /// <summary>This program's file, where it was compiled ahead of time.</summary>
    public static string? ThisProgram() => RuntimeFeature.IsDynamicCodeSupported ? null : Environment.ProcessPath;

    /// <summary>Runs a request and gives its results.</summary>
    public static ExitCode Run(Terminal terminal, LabRequest request, LabFolder kept, Func<IReadOnlyList<LabResult>, ExitCode> answer)
    {
        using CancellationTokenSource cancel = new();
        int? signalled = null;
        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = true; // What was started must be ended first.
            signalled = context.Signal switch { PosixSignal.SIGINT => 2, PosixSignal.SIGHUP => 1, _ => 15 };
            cancel.Cancel();
        }

        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);
        using LabProgress progress = new(terminal, kept);
        try
        {
            Obtained<IReadOnlyList<LabResult>> results = new LabRun(request, progress).Run(cancel.Token);
            progress.Clear();
            if (!results.Ok)
            {
                return results.Fault.Kind == LabFaultKind.Unavailable ? terminal.RefuseHost(results.Fault.Message) : SayBadInput(terminal, results.Fault.Message);
            }

            return progress.Refused is { } refused
                ? terminal.Refuse(refused)
                : answer(results.Value);
        }
        catch (OperationCanceledException)
        {
            progress.Clear();
            terminal.Say("interrupted; every emulator is stopped and every temporary file removed");
            return (ExitCode)(128 + (signalled ?? 15)); // As a shell reports a program that a signal ended.
        }
    }

    private static ExitCode SayBadInput(Terminal terminal, string message)
    {
        terminal.Say(message);
        return ExitCode.BadInput;
    }
}
