using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;

namespace Portolan.Documents.Verdicts;

/// <summary>The words that every answer of a check uses.</summary>
public static class VerdictWords
{
    /// <summary>The verdict's word: <c>compatible-with-warnings</c>.</summary>
    public static string Of(Verdict verdict) => verdict switch
    {
        Verdict.Compatible => "compatible",
        Verdict.CompatibleWithWarnings => "compatible-with-warnings",
        Verdict.Unknown => "unknown",
        Verdict.Incompatible => "incompatible",
        _ => throw new ArgumentOutOfRangeException(nameof(verdict)),
    };

    /// <summary>The severity's word: <c>blocks</c>.</summary>
    public static string Of(ClauseSeverity severity) => severity switch
    {
        ClauseSeverity.Notes => "notes",
        ClauseSeverity.Degrades => "degrades",
        ClauseSeverity.Breaks => "breaks",
        ClauseSeverity.Corrupts => "corrupts",
        ClauseSeverity.Blocks => "blocks",
        _ => throw new ArgumentOutOfRangeException(nameof(severity)),
    };

    /// <summary>What the severity means, for headings.</summary>
    public static string Meaning(ClauseSeverity severity) => severity switch
    {
        ClauseSeverity.Notes => "worth knowing, nothing is lost",
        ClauseSeverity.Degrades => "the guest is slower, or a promise is kept by emulation",
        ClauseSeverity.Breaks => "the guest fails when it uses what it was promised",
        ClauseSeverity.Corrupts => "the guest runs on with wrong state",
        ClauseSeverity.Blocks => "an ioctl or the VMM refuses",
        _ => throw new ArgumentOutOfRangeException(nameof(severity)),
    };
}
