using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Cpuid;

/// <summary>The CPUID features that decide what KVM does; their places are in data/x86/features.tsv.</summary>
internal enum ModelFeature
{
    Xsave,
    Xsaves,
    Xsavec,
    Xfd,
    Smep,
    Smap,
    FsgsBase,
    Pku,
    La57,
    Umip,
    Vmx,
    Pcid,
    Lam,
    Shstk,
    Ibt,
    Svm,
    Lm,
    Nx,
    FxsrOpt,
    AutoIbrs,
    X2Apic,
    ArchCapabilities,
    Pdcm,
    Sgx,
    SgxLc,
    Npt,
    Lbrv,
    TscScale,
}

/// <summary>The decisive features that a CPUID table has.</summary>
internal readonly record struct ModelFeatures(ulong Bits)
{
    private static readonly (ModelFeature Feature, CpuidFeature Place)[] Places =
    [
        (ModelFeature.Xsave, FeatureTable.Get("xsave")),
        (ModelFeature.Xsaves, FeatureTable.Get("xsaves")),
        (ModelFeature.Xsavec, FeatureTable.Get("xsavec")),
        (ModelFeature.Xfd, FeatureTable.Get("xfd")),
        (ModelFeature.Smep, FeatureTable.Get("smep")),
        (ModelFeature.Smap, FeatureTable.Get("smap")),
        (ModelFeature.FsgsBase, FeatureTable.Get("fsgsbase")),
        (ModelFeature.Pku, FeatureTable.Get("pku")),
        (ModelFeature.La57, FeatureTable.Get("la57")),
        (ModelFeature.Umip, FeatureTable.Get("umip")),
        (ModelFeature.Vmx, FeatureTable.Get("vmx")),
        (ModelFeature.Pcid, FeatureTable.Get("pcid")),
        (ModelFeature.Lam, FeatureTable.Get("lam")),
        (ModelFeature.Shstk, FeatureTable.Get("shstk")),
        (ModelFeature.Ibt, FeatureTable.Get("ibt")),
        (ModelFeature.Svm, FeatureTable.Get("svm")),
        (ModelFeature.Lm, FeatureTable.Get("lm")),
        (ModelFeature.Nx, FeatureTable.Get("nx")),
        (ModelFeature.FxsrOpt, FeatureTable.Get("fxsr-opt")),
        (ModelFeature.AutoIbrs, FeatureTable.Get("auto-ibrs")),
        (ModelFeature.X2Apic, FeatureTable.Get("x2apic")),
        (ModelFeature.ArchCapabilities, FeatureTable.Get("arch-capabilities")),
        (ModelFeature.Pdcm, FeatureTable.Get("pdcm")),
        (ModelFeature.Sgx, FeatureTable.Get("sgx")),
        (ModelFeature.SgxLc, FeatureTable.Get("sgxlc")),
        (ModelFeature.Npt, FeatureTable.Get("npt")),
        (ModelFeature.Lbrv, FeatureTable.Get("lbrv")),
        (ModelFeature.TscScale, FeatureTable.Get("tsc-scale")),
    ];

    /// <summary>Has the table the feature?</summary>
    public bool this[ModelFeature feature] => (Bits >> (int)feature & 1) != 0;

    /// <summary>Has the table all of these?</summary>
    public bool Has(ModelFeatures features) => (features.Bits & ~Bits) == 0;

    /// <summary>One feature.</summary>
    public static ModelFeatures Only(ModelFeature feature) => new(1UL << (int)feature);

    /// <summary>The decisive feature at a place.</summary>
    public static ModelFeature Of(CpuidFeature feature) => Places.Single(row => row.Place == feature).Feature;

    /// <summary>The features of which a partly known table does not tell whether it has them.</summary>
    /// <param name="table">The table.</param>
    /// <param name="unknown">A mask of its unknown bits.</param>
    /// <param name="partial">Is a leaf that the table lacks unknown rather than absent?</param>
    public static ModelFeatures Open(CpuidTable table, CpuidTable? unknown, bool partial)
    {
        ulong bits = unknown is null ? 0 : Of(unknown).Bits;
        foreach ((ModelFeature feature, CpuidFeature place) in Places)
        {
            bits |= partial && !table.TryGet(place.Address.Leaf, place.Address.Subleaf, out _) ? 1UL << (int)feature : 0;
        }

        return new ModelFeatures(bits);
    }

    /// <summary>The features of a table.</summary>
    public static ModelFeatures Of(CpuidTable table)
    {
        ulong bits = 0;
        foreach ((ModelFeature feature, CpuidFeature place) in Places)
        {
            CpuidValues values = table.GetOrZero(place.Address.Leaf, place.Address.Subleaf);
            bits |= (ulong)(values[place.Register] >> place.LowBit & 1) << (int)feature;
        }

        return new ModelFeatures(bits);
    }
}
