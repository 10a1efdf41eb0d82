using System.Text;
using Portolan.Documents;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Formats.Tests;

/// <summary>Examples of formats, written for these tests after their documentation.</summary>
internal static class Seeds
{
    public static string Text(string name) => File.ReadAllText(Repository.At("tests", "Portolan.Formats.Tests", "Seeds", name));

    public static Reading<ImportedHost> Read(string text) => FormatRecognition.Read(new ImportRequest("seed", Encoding.UTF8.GetBytes(text)));

    public static ImportedHost Accepted(string text)
    {
        Reading<ImportedHost> read = Read(text);
        Assert.True(read.Ok, read.ToString());
        return read.Value;
    }

    /// <summary>Does KVM show the feature, as far as the snapshot knows?</summary>
    public static bool? Shown(HostSnapshot host, string name) => Known(host.SupportedCpuid?.Value, host.UnknownCpuidBits, name);

    /// <summary>Has the processor the feature, as far as the snapshot knows?</summary>
    public static bool? Native(HostSnapshot host, string name) => Known(host.NativeCpuid?.Value, host.UnknownNativeBits, name);

    private static bool? Known(CpuidTable? table, CpuidTable? unknown, string name)
    {
        CpuidFeature feature = FeatureTable.Get(name);
        uint open = unknown?.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf)[feature.Register] ?? 0;
        return table is not null && table.Contains(feature.Address) && (open & feature.RegisterMask) == 0 ? table.Has(feature) : null;
    }
}
