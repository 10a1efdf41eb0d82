using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Portolan.Kvm.Kernel;

namespace Portolan.Cli.Frame;

/// <summary>Arguments and options that mean the same in every verb that has them.</summary>
internal static class CommonOptions
{
    private static readonly KernelRelease FirstWithKvm = new(2, 6, 20);

    public static Argument<string> File(string name, string description) => new(name) { Description = description + " '-' reads standard input." };

    public static Option<bool> Json() => new("--json") { Description = "Write JSON to standard output." };

    /// <summary>A kernel's release, or one line that says why it is none.</summary>
    public static string? Kernel(string text, out KernelRelease? release)
    {
        release = KernelRelease.TryParse(text, out KernelRelease parsed) && parsed.CompareTo(FirstWithKvm) >= 0 ? parsed : null;
        return release is null ? $"--kernel {text}: expected a release with KVM, {FirstWithKvm} or later, such as 6.1.59" : null;
    }

    /// <summary>A microcode revision: MSR 8BH has 32 bits of it.</summary>
    public static Option<string?> Microcode(string description)
    {
        Option<string?> option = new("--microcode") { Description = description, HelpName = "REVISION" };
        option.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var word }] && !(word.StartsWith("0x", StringComparison.Ordinal)
                && uint.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _)))
            {
                result.AddError($"--microcode {word}: expected a revision of 32 bits, as in 0x2006e05");
            }
        });
        return option;
    }

    /// <summary>Hosts by commas, given once or several times.</summary>
    public static Option<string[]> Hosts(string name, string description, string helpName, bool required) => new(name)
    {
        Description = description,
        HelpName = helpName,
        Required = required,
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = required ? null : static _ => [],
        CustomParser = result => ByCommas(name, result),
    };

    /// <summary>An empty name is a host that somebody meant: fewer hosts would be judged in its place.</summary>
    private static string[] ByCommas(string option, ArgumentResult result)
    {
        string[] names = [.. result.Tokens.SelectMany(static token => token.Value.Split(',', StringSplitOptions.TrimEntries))];
        if (names.Contains(""))
        {
            result.AddError($"{option} {string.Join(' ', result.Tokens.Select(static token => token.Value))}: a host has no name");
        }

        return names;
    }

    public static Option<string?> Output() => new("--output", "-o")
    {
        Description = "Write the document into this file, whole or not at all.",
        HelpName = "FILE",
    };
}
