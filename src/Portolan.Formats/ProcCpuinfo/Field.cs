namespace Portolan.Formats.ProcCpuinfo;

/// <summary>The fields that are read (arch/x86/kernel/cpu/proc.c, show_cpuinfo).</summary>
internal enum Field
{
    Vendor,
    Family,
    Model,
    Stepping,
    Microcode,
    Level,
    Flags,
    VmxFlags,
    Clflush,
    Addresses,
}

/// <summary>How the file spells the fields.</summary>
internal static class FieldNames
{
    private static readonly string[] Names =
        ["vendor_id", "cpu family", "model", "stepping", "microcode", "cpuid level", "flags", "vmx flags", "clflush size", "address sizes"];

    /// <summary>Every field.</summary>
    public static readonly Field[] All = Enum.GetValues<Field>();

    /// <summary>The field's name in the file.</summary>
    public static string Of(Field field) => Names[(int)field];

    /// <summary>The field of a line's name; null where nothing is read of it.</summary>
    public static Field? Find(ReadOnlySpan<byte> name) => name.Length switch
    {
        5 => name.SequenceEqual("model"u8) ? Field.Model : name.SequenceEqual("flags"u8) ? Field.Flags : null,
        8 => name.SequenceEqual("stepping"u8) ? Field.Stepping : null,
        9 => name.SequenceEqual("vendor_id"u8) ? Field.Vendor : name.SequenceEqual("microcode"u8) ? Field.Microcode : name.SequenceEqual("vmx flags"u8) ? Field.VmxFlags : null,
        10 => name.SequenceEqual("cpu family"u8) ? Field.Family : null,
        11 => name.SequenceEqual("cpuid level"u8) ? Field.Level : null,
        12 => name.SequenceEqual("clflush size"u8) ? Field.Clflush : null,
        13 => name.SequenceEqual("address sizes"u8) ? Field.Addresses : null,
        _ => null,
    };
}
