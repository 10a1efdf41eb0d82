using CsCheck;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

public sealed class XsaveLeafTests
{
    [Fact]
    public void Write_then_read_gives_the_layout_and_masks_back()
    {
        XsaveLayout layout = XsaveLayout.Predict(XsaveLayoutFamily.Intel, new(0x602e7 | 0x1800))!;

        CpuidTable table = XsaveLeaf.Write(CpuidTable.Empty.With(XsaveLeaf.Leaf, 1, new(0x1f, 0, 0, 0)), layout, new(0x602e7), new(0x1800));

        Assert.True(XsaveLayout.TryFrom(table, out XsaveLayout read, out _));
        Assert.Equal(layout, read);
        Assert.Equal((0x602e7UL, 0x1800UL), (XsaveLeaf.Xcr0(table).Bits, XsaveLeaf.Xss(table).Bits));
        Assert.Equal(new CpuidValues(0x602e7, 11008, 11008, 0), table.GetOrZero(XsaveLeaf.Leaf));
        Assert.Equal(0x1fu, table.GetOrZero(XsaveLeaf.Leaf, 1).Eax);
        Assert.Equal(new CpuidValues(0x2000, 2816, 6, 0), table.GetOrZero(XsaveLeaf.Leaf, 18));
    }

    [Fact]
    public void Shrink_keeps_a_size_that_follows_a_smaller_XCR0()
    {
        CpuidTable table = XsaveLeaf.Write(CpuidTable.Empty, XsaveLayout.Predict(XsaveLayoutFamily.Intel, new(0x2e7))!, new(0x2e7), default);
        CpuidTable atReset = table.With(XsaveLeaf.Leaf, 0, table.GetOrZero(XsaveLeaf.Leaf) with { Ebx = 576 });

        CpuidTable shrunk = XsaveLeaf.Shrink(atReset, XFeatureMask.Of(9));

        Assert.Equal(new CpuidValues(0xe7, 576, 2688, 0), shrunk.GetOrZero(XsaveLeaf.Leaf));
        Assert.False(shrunk.Contains(new CpuidAddress(XsaveLeaf.Leaf, 9)));
        Assert.Same(CpuidTable.Empty, XsaveLeaf.Shrink(CpuidTable.Empty, XFeatureMask.Of(9)));
    }

    [Fact]
    public void Reading_random_rows_never_throws()
        => Gen.Select(Gen.UInt[0, 64], Gen.UInt, Gen.UInt, Gen.UInt, Gen.UInt)
            .Array[0, 20]
            .Sample(rows =>
            {
                CpuidTable table = CpuidTable.Empty;
                foreach ((uint subleaf, uint eax, uint ebx, uint ecx, uint edx) in rows)
                {
                    table = table.With(new CpuidEntry(new(XsaveLeaf.Leaf, subleaf), true, new(eax, ebx, ecx, edx)));
                }

                bool possible = XsaveLayout.TryFrom(table, out XsaveLayout layout, out IReadOnlyList<XsaveLayoutFault> faults);
                _ = XsaveLeaf.Shrink(table, XFeatureMask.Of(9));
                return possible == (faults.Count == 0) && layout.TotalSize(new(ulong.MaxValue)) >= XsaveLayout.MinimumSize;
            });
}
