using System.Globalization;

namespace Portolan.Conformance.Differential;

/// <summary>The image of KVM_GET_XSAVE, by its parts.</summary>
internal sealed class XsaveImage(byte[] bytes) : IEquatable<XsaveImage>
{
    private const int MxcsrAt = 24;
    private const int MxcsrMaskAt = 28;
    private const int RegistersAt = 32;
    private const int XmmAt = 160;
    private const int AfterXmm = 416;
    private const int SoftwareAt = 464;
    private const int XstateBvAt = 512;
    private const int XcompBvAt = 520;
    private const int HeaderEnd = 576;

    /// <summary>The parts of an image: name and where it begins; each ends where the next one begins.</summary>
    private static readonly (string Name, int At)[] Parts =
    [
        ("x87 control", 0), ("MXCSR", MxcsrAt), ("MXCSR_MASK", MxcsrMaskAt), ("x87 registers", RegistersAt), ("XMM", XmmAt),
        ("bytes 416 to 463", AfterXmm), ("software bytes", SoftwareAt), ("XSTATE_BV", XstateBvAt), ("header", XcompBvAt), ("extended area", HeaderEnd), ("", CaseVcpu.LegacyImage),
    ];

    /// <summary>KVM_GET_XSAVE.</summary>
    public static KvmAnswer<XsaveImage> Read(IKvmVcpu vcpu)
    {
        byte[] image = new byte[CaseVcpu.LegacyImage];
        KvmAnswer answer = vcpu.GetXsave(image);
        return answer.Ok ? new XsaveImage(image) : answer;
    }

    /// <summary>Each part with its bytes in hexadecimal.</summary>
    public IEnumerable<(string Place, string Text)> Places()
        => Enumerable.Range(0, Parts.Length - 1).Select(i => (Parts[i].Name, Convert.ToHexStringLower(bytes.AsSpan(Parts[i].At..Parts[i + 1].At))));

    public bool Equals(XsaveImage? other) => other is not null && other.Bytes.SequenceEqual(bytes);

    public override bool Equals(object? obj) => Equals(obj as XsaveImage);

    public override int GetHashCode() => bytes.Length;

    private ReadOnlySpan<byte> Bytes => bytes;
}

/// <summary>What KVM_GET_NESTED_STATE answers: its header, and how much follows it.</summary>
internal sealed record NestedImageText(string Header, int Size)
{
    private const int HeaderSize = 128;
    private const int MostBytes = HeaderSize + 2 * 4096;

    /// <summary>KVM_GET_NESTED_STATE into as many bytes as any of its formats has.</summary>
    public static KvmAnswer<NestedImageText> Read(IKvmVcpu vcpu)
    {
        byte[] state = new byte[MostBytes];
        KvmAnswer<int> answer = vcpu.GetNestedState(state);
        return answer.Ok ? new NestedImageText(Convert.ToHexStringLower(state.AsSpan(0, Math.Min(HeaderSize, answer.Value))), answer.Value) : answer.WithoutValue();
    }

    public IEnumerable<(string Place, string Text)> Places() => [("header", Header), ("size", Size.ToString(CultureInfo.InvariantCulture))];
}

/// <summary>A host's MSRs that do not move by themselves, read after every step.</summary>
internal sealed class MsrQuestion(uint[] indices) : StateQuestion
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlaceDifference>? Ask(IKvmVcpu kernel, IKvmVcpu model, ref long ioctls)
    {
        (ulong? Value, bool Unknown)[] left = Read(kernel, ref ioctls);
        long uncounted = 0;
        (ulong? Value, bool Unknown)[] right = Read(model, ref uncounted);
        List<PlaceDifference> found = [];
        for (int i = 0; i < indices.Length; i++)
        {
            if (!right[i].Unknown && left[i].Value != right[i].Value)
            {
                found.Add(new PlaceDifference(Group(indices[i]), Text(left[i].Value), Text(right[i].Value)));
            }
        }

        return found;
    }

    /// <summary>How differences of an MSR are named, those of writing it as well.</summary>
    public static string Group(uint index) => string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H");

    private static string Text(ulong? value) => value is { } known ? string.Create(CultureInfo.InvariantCulture, $"reads 0x{known:x}") : "refused";

    /// <summary>Reads them all; a list stops at an MSR that is refused, and is asked again from behind it.</summary>
    private (ulong? Value, bool Unknown)[] Read(IKvmVcpu vcpu, ref long ioctls)
    {
        MsrValue[] entries = [.. indices.Select(static index => new MsrValue(index, 0))];
        (ulong? Value, bool Unknown)[] values = new (ulong? Value, bool Unknown)[indices.Length];
        for (int at = 0; at < entries.Length;)
        {
            KvmAnswer<int> read = vcpu.GetMsrs(entries.AsSpan(at));
            ioctls++;
            int count = read.ValueOr(0);
            for (int i = at; i < at + count; i++)
            {
                values[i] = (entries[i].Value, false);
            }

            at += count;
            if (at < entries.Length)
            {
                // The model that lacks a fact says so without telling how far it came: ask the rest one by one.
                values[at] = read.IsUnknown ? One(vcpu, indices[at]) : (null, false);
                at++;
            }
        }

        return values;
    }

    private static (ulong? Value, bool Unknown) One(IKvmVcpu vcpu, uint index)
    {
        Span<MsrValue> entry = [new MsrValue(index, 0)];
        KvmAnswer<int> read = vcpu.GetMsrs(entry);
        return (read.ValueOr(0) == 1 ? entry[0].Value : null, read.IsUnknown);
    }
}
