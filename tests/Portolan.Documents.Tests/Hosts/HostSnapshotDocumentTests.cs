using System.Collections.Immutable;
using System.Text;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Documents.Tests.Hosts;

public sealed class HostSnapshotDocumentTests
{
    private static readonly Evidence Measured = new(EvidenceQuality.Measured, "KVM_GET_SUPPORTED_CPUID");

    internal static HostSnapshot Full { get; } = new()
    {
        Name = "lab \"a\" ü",
        TakenAt = new DateTimeOffset(2026, 11, 23, 4, 5, 6, TimeSpan.Zero),
        NativeCpuid = new(CpuidTable.From([new(new(1, 0), false, new(1, 0xff00_0800, 1 << 27, 4))]), Measured),
        SupportedCpuid = new(
            CpuidTable.From([new(new(0xd, 1), true, new(0xf, 0x340, 0, 0)), new(new(0xd, 2), true, new(0x100, 0x240, 0, 0)), new(new(0, 0), false, new(0xd, 1, 2, 3))]),
            Measured),
        UnknownCpuidBits = CpuidTable.From([new(new(0, 0), false, new(uint.MaxValue, 0, 0, 0))]),
        SupportedCpuidIsPartial = true,
        EmulatedCpuid = new(CpuidTable.Empty, Measured),
        Capabilities = new(ImmutableSortedDictionary<string, long>.Empty.Add("KVM_CAP_XSAVE2", 4096), Measured),
        SavedMsrs = new([0x10, 0xc000_0080], Measured),
        FeatureMsrIndices = new([0x10a], Measured),
        FeatureMsrs = new(MsrTable.From([new(0x10a, 0x8000_0000_0000_0001)]), Measured),
        SupportedXcr0 = new(new XFeatureMask(0x602e7), Measured),
        MxcsrMask = new(0x2ffff, Measured),
        KernelRelease = new("6.18.44", Measured),
        ModuleParameters = new(ImmutableSortedDictionary<string, string>.Empty.Add("kvm.ignore_msrs", "N"), Measured),
        TscKhz = new(2_500_000, Measured),
        MachineTypes = new(["pc-q35-10.0"], Measured),
        BootId = new("b", Measured),
        Behaviours = ImmutableSortedDictionary<string, Fact<string>>.Empty.Add("xsave.generation", new("G3a", Measured)).Add("new.one", new("x/y", Measured)),
    };

    internal static HostSnapshot Partly { get; } = Full with { PartlyKnownFeatureMsrs = new([new(0x10a, 1, 0x23), new(0x48b, 2UL << 32, 2UL << 32)], Measured) };

    [FactAttribute]
    public void Write_then_read_gives_the_same_document()
    {
        ReadOnlyMemory<byte> first = HostSnapshotDocument.Write(Full);

        Reading<HostSnapshot> read = HostSnapshotDocument.Read("a.json", first);

        Assert.True(read.Ok, read.ToString());
        Assert.Equal(Encoding.UTF8.GetString(first.Span), Encoding.UTF8.GetString(HostSnapshotDocument.Write(read.Value).Span));
        Assert.Equal(Full.SupportedCpuid!.Value, read.Value.SupportedCpuid!.Value);
        Assert.Equal(Full.FeatureMsrs, read.Value.FeatureMsrs);
        Assert.Equal(Full.TakenAt, read.Value.TakenAt);
        Assert.Null(read.Value.HypervCpuid);
    }

    [FactAttribute]
    public void What_is_unknown_of_the_CPU_is_written_and_hashed_only_where_there_is_something()
    {
        HostSnapshot partial = Full with { NativeCpuidIsPartial = true, UnknownNativeBits = CpuidTable.From([new(new(7, 0), true, new(0, 8, 0, 0))]), NativeMsrs = new(MsrTable.From([new(0x10a, 1)]), Measured) };

        Reading<HostSnapshot> read = HostSnapshotDocument.Read("a.json", HostSnapshotDocument.Write(partial));

        Assert.True(read.Ok, read.ToString());
        Assert.True(read.Value.NativeCpuidIsPartial);
        Assert.Equal(partial.UnknownNativeBits, read.Value.UnknownNativeBits);
        Assert.Equal(partial.NativeMsrs, read.Value.NativeMsrs);
        Assert.Empty(read.Value.Extensions);
        Assert.NotEqual(HostSnapshotDocument.ContentHash(partial), HostSnapshotDocument.ContentHash(partial with { NativeMsrs = null }));
        Assert.DoesNotContain("nativeCpuidIsPartial", Encoding.UTF8.GetString(HostSnapshotDocument.Write(Full).Span), StringComparison.Ordinal);
        Assert.NotEqual(HostSnapshotDocument.ContentHash(Full), HostSnapshotDocument.ContentHash(partial));
        Assert.NotEqual(HostSnapshotDocument.ContentHash(partial), HostSnapshotDocument.ContentHash(partial with { UnknownNativeBits = null }));
    }

    [FactAttribute]
    public void Partly_known_MSRs_are_written_and_hashed_only_where_there_are_any()
    {
        HostSnapshot partly = Partly;
        string text = Encoding.UTF8.GetString(HostSnapshotDocument.Write(partly).Span);

        Reading<HostSnapshot> read = HostSnapshotDocument.Read("a.json", Encoding.UTF8.GetBytes(text));

        Assert.True(read.Ok, read.ToString());
        Assert.Equal(partly.PartlyKnownFeatureMsrs!.Value, read.Value.PartlyKnownFeatureMsrs!.Value);
        Assert.Equal(text, Encoding.UTF8.GetString(HostSnapshotDocument.Write(read.Value).Span));
        Assert.DoesNotContain("partlyKnown", Encoding.UTF8.GetString(HostSnapshotDocument.Write(Full).Span), StringComparison.Ordinal);
        Assert.NotEqual(HostSnapshotDocument.ContentHash(Full), HostSnapshotDocument.ContentHash(partly));
        Assert.Equal(HostSnapshotDocument.ContentHash(Full), HostSnapshotDocument.ContentHash(partly with { PartlyKnownFeatureMsrs = null }));
        Assert.NotEqual(HostSnapshotDocument.ContentHash(partly), HostSnapshotDocument.ContentHash(partly with { PartlyKnownFeatureMsrs = new([new(0x10a, 1, 0x21), new(0x48b, 2UL << 32, 2UL << 32)], Measured) }));
        Assert.Contains("not in 'known'", Refused("\"known\": \"0x23\"", "\"known\": \"0x22\""), StringComparison.Ordinal);
        Assert.Contains("MSR 10AH a second time", Refused("\"index\": \"0x48b\"", "\"index\": \"0x10a\""), StringComparison.Ordinal);

        string Refused(string what, string with)
        {
            Assert.Contains(what, text, StringComparison.Ordinal);
            Reading<HostSnapshot> bad = HostSnapshotDocument.Read("a.json", Encoding.UTF8.GetBytes(text.Replace(what, with, StringComparison.Ordinal)));
            Assert.False(bad.Ok);
            return bad.ToString();
        }
    }

    [FactAttribute]
    public void Unknown_fields_survive_at_their_places()
    {
        string text = Encoding.UTF8.GetString(HostSnapshotDocument.Write(Full).Span)
            .Replace("\"leaf\": \"0xd\", \"subleaf\": \"0x2\"", "\"later\": [1, 2], \"leaf\": \"0xd\", \"subleaf\": \"0x2\"", StringComparison.Ordinal)
            .Replace("\"quality\": \"measured\"", "\"since\": {\"a\": 1.50}, \"quality\": \"measured\"", StringComparison.Ordinal)
            .Replace("\"name\":", "\"a~/b\": null, \"name\":", StringComparison.Ordinal);

        Reading<HostSnapshot> read = HostSnapshotDocument.Read("a.json", Encoding.UTF8.GetBytes(text));

        Assert.True(read.Ok, read.ToString());
        string again = Encoding.UTF8.GetString(HostSnapshotDocument.Write(read.Value).Span);
        Assert.Contains("\"edx\": \"0x00000000\", \"later\": [1, 2] }", again, StringComparison.Ordinal);
        Assert.Contains("\"a~/b\": null", again, StringComparison.Ordinal);
        Assert.Equal(text.Split("1.50").Length, again.Split("1.50").Length);
    }

    [FactAttribute]
    public void ContentHash_ignores_what_varies_at_run_time_and_nothing_else()
    {
        string hash = HostSnapshotDocument.ContentHash(Full);

        HostSnapshot later = Full with
        {
            Name = "other",
            TakenAt = DateTimeOffset.UnixEpoch,
            BootId = null,
            NativeCpuid = new(CpuidTable.From([new(new(1, 0), false, new(1, 0x0100_0800, 0, 4))]), Measured with { How = "said otherwise" }),
            SupportedCpuid = Full.SupportedCpuid! with { Value = Full.SupportedCpuid.Value.With(0xd, 1, new(0xf, 0x999, 0, 0)) },
        };
        Assert.Equal(hash, HostSnapshotDocument.ContentHash(later));
        Assert.NotEqual(hash, HostSnapshotDocument.ContentHash(Full with { SupportedCpuid = Full.SupportedCpuid with { Value = Full.SupportedCpuid.Value.With(0xd, 2, new(0x100, 0x340, 0, 0)) } }));
        Assert.NotEqual(hash, HostSnapshotDocument.ContentHash(Full with { KernelRelease = new("6.18.44", new(EvidenceQuality.Derived, "")) }));
        Assert.NotEqual(hash, HostSnapshotDocument.ContentHash(Full with { MxcsrMask = null }));
    }
}
