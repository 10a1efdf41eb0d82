using System.Collections.Immutable;
using Portolan.Lab.Emulators;
using Portolan.Lab.Guest;
using Portolan.Lab.Packages;

namespace Portolan.Lab.Runs;

/// <summary>What one boot of a chain runs, and what it finds.</summary>
/// <param name="Commands">The commands.</param>
/// <param name="Files">Files that it finds in its first root.</param>
public sealed record BootPlan(ImmutableArray<GuestCommand> Commands, ImmutableArray<GuestFile> Files);

/// <summary>Which kernels to boot, under which oracles, and what to run in each.</summary>
/// <param name="Kernels">Package names, beginnings of releases, <c>newest</c>, package files, or folders of an unpacked package.</param>
/// <param name="Oracles">The emulated CPUs.</param>
/// <param name="Program">The program under test, compiled ahead of time.</param>
public sealed record LabRequest(ImmutableArray<string> Kernels, ImmutableArray<Oracle> Oracles, string Program)
{
    /// <summary>The command that records the host.</summary>
    public const string HostCommand = "host";

    /// <summary>The command that runs the contract's cases.</summary>
    public const string ConformanceCommand = "conformance";

    /// <summary>What the names of further commands begin with.</summary>
    public const string FurtherPrefix = "run-";

    /// <summary>Where the lab kernel has the files that the user gave.</summary>
    public const string FilesFolder = "files";

    /// <summary>Further commands, after <c>host dump</c> and <c>conformance run</c>.</summary>
    public ImmutableArray<GuestCommand> Further { get; init; } = [];

    /// <summary>Files that every lab kernel finds in its first root, beside the program.</summary>
    public ImmutableArray<GuestFile> Files { get; init; } = [];

    /// <summary>Are the contract's cases run?</summary>
    public bool RunsConformance { get; init; } = true;

    /// <summary>How many kernels are booted at a time.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>How long each boot may take; null for the oracle's own limit.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>The CPU model as the emulator spells it; null for the oracle's own.</summary>
    public string? Cpu { get; init; }

    /// <summary>Are the package lists fetched again, however fresh they are?</summary>
    public bool Refresh { get; init; }

    /// <summary>The archive's address; null for the one that this machine uses.</summary>
    public string? Archive { get; init; }

    /// <summary>The folder of package lists and packages; null for the user's cache.</summary>
    public string? Cache { get; init; } = CacheFolder.Default();

    /// <summary>
    /// Makes a chain of the boots: one after another, each planned from its name and the result of the one before, until there is no plan.
    /// Null for boots that do not depend on each other.
    /// </summary>
    public Func<string, LabResult?, BootPlan?>? Chain { get; init; }

    /// <summary>The commands of one boot.</summary>
    /// <param name="name">The name that the host's snapshot gets.</param>
    public ImmutableArray<GuestCommand> CommandsFor(string name) =>
    [
        GuestCommand.Program(HostCommand, "host", "dump", "--name", name, "--json"),
        .. RunsConformance ? [GuestCommand.Program(ConformanceCommand, "conformance", "run", "--json")] : ImmutableArray<GuestCommand>.Empty,
        .. Further,
    ];
}
