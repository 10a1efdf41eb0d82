using System.Collections.Immutable;

namespace Portolan.Lab.Guest;

/// <summary>A command to run under the lab kernel. Its standard output, standard error and exit code come back, and the files it names.</summary>
/// <param name="Name">What its results are called: lower-case letters, digits and hyphens.</param>
/// <param name="Words">The program's path under the lab kernel, and its arguments.</param>
public sealed record GuestCommand(string Name, ImmutableArray<string> Words)
{
    /// <summary>Where the program under test is under the lab kernel.</summary>
    public const string ProgramPath = "/bin/portolan";

    /// <summary>Files that the command writes under its working folder, <c>/tmp</c>, and that are to come back.</summary>
    public ImmutableArray<string> Files { get; init; } = [];

    /// <summary>The program under test with these arguments.</summary>
    public static GuestCommand Program(string name, params ReadOnlySpan<string> arguments) => new(name, [ProgramPath, .. arguments]);
}

/// <summary>What one command answered.</summary>
/// <param name="Command">The command.</param>
/// <param name="ExitCode">Its exit code; null where the kernel did not come so far.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Error">Its standard error.</param>
/// <param name="Files">The other files, by name.</param>
public sealed record GuestReply(
    GuestCommand Command, int? ExitCode, ReturnedFile Output, ReturnedFile Error, ImmutableSortedDictionary<string, ReturnedFile> Files);

/// <summary>A file that came back over the serial line, or why it did not.</summary>
/// <param name="Content">Its bytes, checked against the length and SHA-256 that were sent with it; null where they did not arrive whole.</param>
/// <param name="Damage">What is wrong with it; null where nothing is.</param>
public sealed record ReturnedFile(byte[]? Content, string? Damage)
{
    /// <summary>A file of which nothing arrived.</summary>
    public static ReturnedFile Missing { get; } = new(null, "nothing of it came back");
}
