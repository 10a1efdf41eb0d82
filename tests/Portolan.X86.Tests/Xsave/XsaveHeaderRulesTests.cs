using System.Globalization;
using CsCheck;
using Portolan.Testing;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

public sealed class XsaveHeaderRulesTests
{
    private static readonly string Vectors = Repository.At("tests", "Portolan.X86.Tests", "Xsave", "header-vectors.txt");

    [Fact]
    public void Violations_are_those_of_the_vectors()
    {
        int read = 0;
        foreach (string line in File.ReadLines(Vectors).Where(line => line.Length > 0 && line[0] != '#'))
        {
            string[] fields = line.Split(' ', 9, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            XsaveHeaderRules rules = new(new(Number(fields[0])), new(Number(fields[1])), (uint)Number(fields[2]), fields[3] == "yes");
            byte[] bytes = Images.Fresh();
            XsaveImage image = Images.Open(bytes);
            image.SetXstateBv(new(Number(fields[4])));
            image.SetXcompBv(Number(fields[5]));
            image.SetMxcsr((uint)Number(fields[7]));
            if (fields[6] != "-")
            {
                bytes[int.Parse(fields[6], CultureInfo.InvariantCulture)] = 1;
            }

            IReadOnlyList<XsaveViolation> violations = rules.Violations(image.View);

            string found = violations.Count == 0 ? "ok" : string.Join("; ", violations);
            Assert.Equal(fields[8], found);
            Assert.Equal(violations.Count == 0, rules.Accepts(image.View));
            read++;
        }

        Assert.Equal(20, read);
    }

    [Fact]
    public void Accepts_says_whether_there_are_violations()
        => Gen.Select(Images.OfIntel, Gen.ULong, Gen.ULong, Gen.Bool, Gen.ULong[0, 3], Gen.Int[0, 60]).Sample((bytes, supported, accepted, strict, xcomp, reserved) =>
        {
            XsaveImage image = Images.Open(bytes);
            image.SetXcompBv(xcomp == 0 ? 1UL << 63 : 0);
            if (reserved < 48)
            {
                bytes[528 + reserved] = 0x80;
            }

            XsaveHeaderRules rules = new(new(supported | 0x602e7), new(accepted | 3), Mxcsr.IntelMask, strict);
            return rules.Accepts(image.View) == (rules.Violations(image.View).Count == 0);
        });

    private static ulong Number(string text) => ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
