using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Portolan.Lab.Archives;
using Portolan.Lab.Emulators;
using Portolan.Lab.Guest;
using Portolan.Lab.Kernels;

namespace Portolan.Lab.Runs;

/// <summary>How a boot ended.</summary>
public enum BootOutcome
{
    /// <summary>Every command ran and its results came back.</summary>
    Finished,

    /// <summary>It was stopped at the time limit.</summary>
    TimedOut,

    /// <summary>The kernel panicked.</summary>
    Panicked,

    /// <summary>A module could not be loaded.</summary>
    Failed,

    /// <summary>The emulator ended before the commands did.</summary>
    EndedEarly,
}

/// <summary>One boot to do: a kernel under an oracle, with commands to run and files to bring back.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Oracle">The emulated CPU.</param>
/// <param name="Program">The program under test, compiled ahead of time.</param>
/// <param name="Commands">What to run, in order.</param>
public sealed record BootRequest(KernelTree Kernel, Oracle Oracle, string Program, ImmutableArray<GuestCommand> Commands)
{
    /// <summary>Files that the lab kernel finds in its first root, beside the program.</summary>
    public ImmutableArray<GuestFile> Files { get; init; } = [];

    /// <summary>How long it may take; null for the oracle's own limit.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>The CPU model as the emulator spells it; null for the oracle's own.</summary>
    public string? Cpu { get; init; }

    /// <summary>What the lab kernel's host is called.</summary>
    public string? HostName { get; init; }
}

/// <summary>What a boot gave.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Stage">The last stage that was announced.</param>
/// <param name="Elapsed">From the emulator's start to its end.</param>
/// <param name="Console">Everything that the kernel said on its console.</param>
/// <param name="Replies">The commands' answers, in the order asked.</param>
public sealed record BootReport(BootOutcome Outcome, string Stage, TimeSpan Elapsed, byte[] Console, ImmutableArray<GuestReply> Replies)
{
    private const int TailLines = 12;

    /// <summary>What failed, in the script's words; null where nothing did.</summary>
    public string? Failure { get; init; }

    /// <summary>The last lines of the console that say something.</summary>
    public ImmutableArray<string> ConsoleTail => [.. Encoding.UTF8.GetString(Console).Split('\n').Select(static line => line.Trim()).Where(static line => line.Length > 0).TakeLast(TailLines)];
}

/// <summary>Boots kernels. Whatever it started or wrote is gone when it returns.</summary>
public static class KernelBoot
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    /// <summary>Boots a kernel, runs the commands, and gives back what came over the serial lines.</summary>
    /// <param name="request">What to boot.</param>
    /// <param name="folder">A folder of this boot's own, which the caller removes.</param>
    /// <param name="progress">Is told each stage as it begins.</param>
    /// <param name="cancel">Stops the emulator.</param>
    /// <exception cref="OperationCanceledException">Cancelled; the emulator is gone.</exception>
    public static Obtained<BootReport> Run(BootRequest request, string folder, Action<string> progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        Obtained<IReadOnlyList<KernelModule>> modules = request.Kernel.Load(request.Oracle.Module.Name, cancel);
        if (!modules.Ok)
        {
            return modules.Fault;
        }

        IEnumerable<ModuleLoad> loads = modules.Value.Select(module => module.Name == request.Oracle.Module.Name ? request.Oracle.Module : new ModuleLoad(module.Name, ""));
        Obtained<byte[]> initramfs = Initramfs.Build(request.Program, modules.Value, GuestScript.Text(loads, request.Commands, request.HostName), request.Files);
        if (!initramfs.Ok)
        {
            return initramfs.Fault;
        }

        BootMedia media = new(request.Kernel.Image, initramfs.Value, request.Oracle.KernelArguments, request.Cpu ?? request.Oracle.Cpu);
        Directory.CreateDirectory(folder);
        Obtained<EmulatorCommand> command = EmulatorCommand.Prepare(request.Oracle, media, folder, cancel);
        if (!command.Ok)
        {
            return command.Fault;
        }

        try
        {
            return Watch(request, command.Value, folder, progress, cancel);
        }
        catch (Win32Exception refused)
        {
            return LabFault.Unavailable($"{command.Value.Words[0]}: {refused.Message}");
        }
    }

    private static Obtained<BootReport> Watch(BootRequest request, EmulatorCommand command, string folder, Action<string> progress, CancellationToken cancel)
    {
        TimeSpan limit = request.TimeLimit ?? request.Oracle.TimeLimit;
        // Should this process be killed outright, timeout still ends the emulator.
        string backstop = ((int)(limit + Grace).TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture);
        using SerialTail console = new(Path.Combine(folder, EmulatorCommand.ConsoleFile));
        using SerialTail replies = new(Path.Combine(folder, EmulatorCommand.ReplyFile));
        SerialReader reader = new();
        Stopwatch clock = Stopwatch.StartNew();
        using Process emulator = ChildProcess.Start(folder, ["timeout", "-k", "5", backstop, .. command.Words]);
        Task said = Task.WhenAll(emulator.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None), emulator.StandardError.ReadToEndAsync(CancellationToken.None));
        string stage = "";
        try
        {
            Tell("firmware");
            while (true)
            {
                bool ended = emulator.WaitForExit(Poll);
                cancel.ThrowIfCancellationRequested();
                bool spoke = console.Read().Length > 0;
                reader.Append(replies.Read());
                Tell(reader.Stage.Length > 0 ? reader.Stage : spoke || stage == "kernel" ? "kernel" : stage);
                if (OutcomeOf(ended, clock.Elapsed > limit, reader, console) is { } outcome)
                {
                    return new BootReport(outcome, stage, clock.Elapsed, console.All, [.. request.Commands.Select(reader.ReplyOf)]) { Failure = reader.Failure };
                }
            }
        }
        finally
        {
            ChildProcess.Stop(emulator);
            said.Wait(Grace, CancellationToken.None);
        }

        void Tell(string now)
        {
            if (now != stage)
            {
                stage = now;
                progress(now);
            }
        }
    }

    private static BootOutcome? OutcomeOf(bool ended, bool late, SerialReader reader, SerialTail console)
        => reader.IsDone ? reader.Failure is null ? BootOutcome.Finished : BootOutcome.Failed
        : console.Contains("Kernel panic - not syncing"u8) ? BootOutcome.Panicked
        : ended ? BootOutcome.EndedEarly
        : late ? BootOutcome.TimedOut
        : null;
}
