using System.Collections.Immutable;
using System.Globalization;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Readings;

/// <summary>What one CPUID leaf read.</summary>
/// <param name="Address">The leaf.</param>
/// <param name="Answer">The four registers in hexadecimal, or a fault.</param>
public readonly record struct CpuidRead(CpuidAddress Address, string Answer);

/// <summary>What one RDMSR read.</summary>
/// <param name="Index">The MSR.</param>
/// <param name="Answer">16 digits of hexadecimal, or a fault.</param>
public readonly record struct MsrRead(uint Index, string Answer);

/// <summary>
/// What code in a guest reads of its own CPU: CPUID, XCR0, MSRs, and the extended registers. Two readings of one guest, before and after a
/// migration, are to be the same.
/// </summary>
public sealed record GuestReading
{
    /// <summary>CPUID, leaf by leaf, in ascending order.</summary>
    public ImmutableArray<CpuidRead> Cpuid { get; init; } = [];

    /// <summary>XGETBV with ECX = 0: hexadecimal, or a fault.</summary>
    public string Xcr0 { get; init; } = "";

    /// <summary>RDMSR, in the order asked.</summary>
    public ImmutableArray<MsrRead> Msrs { get; init; } = [];

    /// <summary>The components that were read.</summary>
    public XFeatureMask Components { get; init; }

    /// <summary>What XSAVE64 wrote: standard format; empty where it faulted.</summary>
    public ImmutableArray<byte> Xsave { get; init; } = [];

    /// <summary>Why nothing can be read here; null where everything was tried.</summary>
    public string? Undecided { get; init; }

    /// <summary>Fields of the document that this program does not know: place and JSON text. They survive reading and writing.</summary>
    public ImmutableSortedDictionary<string, string> Extensions { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Lets code in the guest read.</summary>
    /// <param name="vcpu">A vCPU whose guest CPUID is set.</param>
    /// <param name="leaves">The CPUID leaves.</param>
    /// <param name="msrs">The MSRs; those whose value is time are left out.</param>
    /// <param name="components">The extended registers.</param>
    public static GuestReading Take(IKvmVcpu vcpu, IEnumerable<CpuidAddress> leaves, IEnumerable<uint> msrs, XFeatureMask components)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        ArgumentNullException.ThrowIfNull(leaves);
        ArgumentNullException.ThrowIfNull(msrs);
        IGuestCpu guest = vcpu.Guest;
        GuestAnswer<byte[]> xsave = guest.Xsave(components);
        if (xsave.Fault == GuestFault.NotDecidable)
        {
            return new GuestReading { Undecided = xsave.Reason ?? xsave.Rule?.Statement ?? "no guest runs here" };
        }

        return new GuestReading
        {
            Cpuid = [.. leaves.Distinct().Order().Select(address => new CpuidRead(address, Words(guest.Cpuid(address.Leaf, address.Subleaf))))],
            Xcr0 = Word(guest.Xgetbv(0), static value => value.Bits.ToString("x", CultureInfo.InvariantCulture)),
            Msrs = [.. msrs.Where(static index => !Runs(index)).Select(index => new MsrRead(index, Word(guest.Rdmsr(index), static value => value.ToString("x16", CultureInfo.InvariantCulture))))],
            Components = components,
            Xsave = xsave.Ok ? [.. xsave.Value] : [],
        };
    }

    /// <summary>Every difference between two readings, each in words; none where the guest cannot tell them apart.</summary>
    /// <param name="after">The later reading.</param>
    /// <param name="layout">Where the components lie.</param>
    public IEnumerable<string> DifferencesFrom(GuestReading after, XsaveLayout layout)
    {
        ArgumentNullException.ThrowIfNull(after);
        ArgumentNullException.ThrowIfNull(layout);
        return Lines(after, layout);
    }

    private IEnumerable<string> Lines(GuestReading after, XsaveLayout layout)
    {
        if ((Undecided ?? after.Undecided) is { } reason)
        {
            yield return $"a reading is missing: {reason}";
            yield break;
        }

        foreach ((CpuidRead one, CpuidRead other) in Cpuid.Zip(after.Cpuid).Where(static pair => pair.First != pair.Second))
        {
            yield return $"CPUID {one.Address}: {one.Answer} before, {other.Answer} after";
        }

        if (Xcr0 != after.Xcr0)
        {
            yield return $"XCR0: {Xcr0} before, {after.Xcr0} after";
        }

        foreach ((MsrRead one, MsrRead other) in Msrs.Zip(after.Msrs).Where(static pair => pair.First != pair.Second))
        {
            yield return $"{KnownMsrs.Describe(one.Index)}: {one.Answer} before, {other.Answer} after";
        }

        if (Cpuid.Length != after.Cpuid.Length || Msrs.Length != after.Msrs.Length || Components != after.Components)
        {
            yield return "the readings do not ask the same";
        }

        foreach (string line in Registers(after, layout))
        {
            yield return line;
        }
    }

    private List<string> Registers(GuestReading after, XsaveLayout layout)
    {
        byte[] one = Whole(Xsave.AsSpan(), Components);
        byte[] other = Whole(after.Xsave.AsSpan(), Components);
        if (!ReadOnlyXsaveImage.TryOpen(one, out ReadOnlyXsaveImage left, out _) || !ReadOnlyXsaveImage.TryOpen(other, out ReadOnlyXsaveImage right, out _))
        {
            return one.Length == other.Length ? [] : ["XSAVE faulted in one of the readings"];
        }

        XsaveDifferences differences = XsaveComparison.Compare(left, layout, right, layout);
        return differences.IsEmpty ? [] : [$"extended registers: {differences}"];
    }

    /// <summary>The image with every component in XSTATE_BV: what XSAVE left out is in its initial state, and the memory was zero.</summary>
    private static byte[] Whole(ReadOnlySpan<byte> image, XFeatureMask components)
    {
        byte[] whole = image.ToArray();
        if (XsaveImage.TryOpen(whole, out XsaveImage opened, out _))
        {
            if (!opened.View.XstateBv[0])
            {
                opened.SetFcw(X87.InitialFcw);
            }

            opened.SetXstateBv(components);
        }

        return whole;
    }

    /// <summary>Is the MSR's value time, which goes on?</summary>
    private static bool Runs(uint index) => index is MsrIndex.Ia32TimeStampCounter or MsrIndex.Ia32Mperf or MsrIndex.Ia32Aperf or MsrIndex.Ia32TscDeadline or MsrIndex.HvX64MsrTimeRefCount;

    private static string Words(GuestAnswer<CpuidValues> answer)
        => Word(answer, static values => string.Create(CultureInfo.InvariantCulture, $"{values.Eax:x8} {values.Ebx:x8} {values.Ecx:x8} {values.Edx:x8}"));

    private static string Word<T>(GuestAnswer<T> answer, Func<T, string> text) => answer.Ok ? text(answer.Value) : answer.ToString();
}
