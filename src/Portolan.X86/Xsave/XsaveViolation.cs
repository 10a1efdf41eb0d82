using System.Globalization;

namespace Portolan.X86.Xsave;

/// <summary>One bit of an image that a kernel refuses.</summary>
/// <param name="Kind">The rule.</param>
/// <param name="FieldOffset">The first byte of the field that has the bit.</param>
/// <param name="FieldBit">The bit, counted from the field's bit 0.</param>
public readonly record struct XsaveViolation(XsaveViolationKind Kind, int FieldOffset, int FieldBit)
{
    /// <summary>The byte of the image that has the bit.</summary>
    public int ByteOffset => FieldOffset + (FieldBit / 8);

    /// <summary>The bit in that byte.</summary>
    public int BitInByte => FieldBit % 8;

    /// <summary>Field, bit, byte: <c>XSTATE_BV[9] (byte 513, bit 1): ComponentNotAccepted</c>.</summary>
    public override string ToString()
    {
        string field = FieldOffset switch
        {
            XsaveOffsets.XstateBv => "XSTATE_BV",
            XsaveOffsets.XcompBv => "XCOMP_BV",
            XsaveOffsets.Mxcsr => "MXCSR",
            _ => "reserved",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{field}[{FieldBit}] (byte {ByteOffset}, bit {BitInByte}): {Kind}");
    }
}
