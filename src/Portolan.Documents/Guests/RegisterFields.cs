using System.Collections.Immutable;
using Portolan.Documents.Json;
using Portolan.Kvm.State;

namespace Portolan.Documents.Guests;

/// <summary>The kernel's register structs in a guest state's document.</summary>
internal static class RegisterFields
{
    public static KvmRegs ReadRegs(ObjectCursor from, string place)
    {
        KvmRegs regs = new(
            from.Hex("rax"), from.Hex("rbx"), from.Hex("rcx"), from.Hex("rdx"),
            from.Hex("rsi"), from.Hex("rdi"), from.Hex("rsp"), from.Hex("rbp"),
            from.Hex("r8"), from.Hex("r9"), from.Hex("r10"), from.Hex("r11"),
            from.Hex("r12"), from.Hex("r13"), from.Hex("r14"), from.Hex("r15"),
            from.Hex("rip"), from.Hex("rflags"));
        from.Finish(place);
        return regs;
    }

    public static void WriteRegs(DocumentWriter to, KvmRegs regs, string place)
    {
        to.Hex("rax", regs.Rax);
        to.Hex("rbx", regs.Rbx);
        to.Hex("rcx", regs.Rcx);
        to.Hex("rdx", regs.Rdx);
        to.Hex("rsi", regs.Rsi);
        to.Hex("rdi", regs.Rdi);
        to.Hex("rsp", regs.Rsp);
        to.Hex("rbp", regs.Rbp);
        to.Hex("r8", regs.R8);
        to.Hex("r9", regs.R9);
        to.Hex("r10", regs.R10);
        to.Hex("r11", regs.R11);
        to.Hex("r12", regs.R12);
        to.Hex("r13", regs.R13);
        to.Hex("r14", regs.R14);
        to.Hex("r15", regs.R15);
        to.Hex("rip", regs.Rip);
        to.Hex("rflags", regs.Rflags);
    }

    public static KvmSregs ReadSregs(ObjectCursor from, string place)
    {
        KvmSystemRegisters registers = ReadSystemRegisters(from, place);
        ulong[] words = ReadWords(from, "interruptBitmap", 4);
        from.Finish(place);
        return new KvmSregs(registers, new KvmInterruptBitmap(words[0], words[1], words[2], words[3]));
    }

    public static void WriteSregs(DocumentWriter to, KvmSregs sregs, string place)
    {
        WriteSystemRegisters(to, sregs.Registers, place);
        KvmInterruptBitmap map = sregs.InterruptBitmap;
        WriteWords(to, "interruptBitmap", map.Word0, map.Word1, map.Word2, map.Word3);
    }

    public static KvmSregs2 ReadSregs2(ObjectCursor from, string place)
    {
        KvmSystemRegisters registers = ReadSystemRegisters(from, place);
        ulong flags = from.Hex("flags");
        ulong[] pdptrs = ReadWords(from, "pdptrs", 4);
        from.Finish(place);
        return new KvmSregs2(registers, flags, pdptrs[0], pdptrs[1], pdptrs[2], pdptrs[3]);
    }

    public static void WriteSregs2(DocumentWriter to, KvmSregs2 sregs, string place)
    {
        WriteSystemRegisters(to, sregs.Registers, place);
        to.Hex("flags", sregs.Flags);
        WriteWords(to, "pdptrs", sregs.Pdptr0, sregs.Pdptr1, sregs.Pdptr2, sregs.Pdptr3);
    }

    public static KvmDebugRegs ReadDebugRegs(ObjectCursor from, string place)
    {
        KvmDebugRegs regs = new(
            from.Hex("db0"), from.Hex("db1"), from.Hex("db2"), from.Hex("db3"), from.Hex("dr6"), from.Hex("dr7"), from.Hex("flags"));
        from.Finish(place);
        return regs;
    }

    public static void WriteDebugRegs(DocumentWriter to, KvmDebugRegs regs, string place)
    {
        to.Hex("db0", regs.Db0);
        to.Hex("db1", regs.Db1);
        to.Hex("db2", regs.Db2);
        to.Hex("db3", regs.Db3);
        to.Hex("dr6", regs.Dr6);
        to.Hex("dr7", regs.Dr7);
        to.Hex("flags", regs.Flags);
    }

    public static KvmXcrs ReadXcrs(ObjectCursor from, string place)
    {
        ImmutableArray<KvmXcr>.Builder entries = ImmutableArray.CreateBuilder<KvmXcr>();
        foreach ((JsonValue value, string path) in from.Items(from.Required("entries"), from.PathOf("entries")))
        {
            ObjectCursor entry = from.Enter(value, path);
            KvmXcr xcr = new(entry.Hex32("register"), entry.Hex("value"));
            entry.Finish(Extension.PlaceOf(place, HexText.Of(xcr.Register)));
            entries.Add(xcr);
        }

        KvmXcrs xcrs = new(from.Hex32("flags"), entries.ToImmutable());
        from.Finish(place);
        return xcrs;
    }

    public static void WriteXcrs(DocumentWriter to, KvmXcrs xcrs, string place)
    {
        to.Hex("flags", xcrs.Flags);
        to.Json.WriteStartArray("entries");
        foreach (KvmXcr xcr in xcrs.Entries)
        {
            to.Row(
                Extension.PlaceOf(place, HexText.Of(xcr.Register)),
                ("register", $"\"{HexText.Of(xcr.Register)}\""),
                ("value", $"\"{HexText.Of(xcr.Value)}\""));
        }

        to.Json.WriteEndArray();
    }

    private static KvmSystemRegisters ReadSystemRegisters(ObjectCursor from, string place) => new(
        ReadSegment(from, "cs", place), ReadSegment(from, "ds", place), ReadSegment(from, "es", place), ReadSegment(from, "fs", place),
        ReadSegment(from, "gs", place), ReadSegment(from, "ss", place), ReadSegment(from, "tr", place), ReadSegment(from, "ldt", place),
        ReadTable(from, "gdt", place), ReadTable(from, "idt", place),
        from.Hex("cr0"), from.Hex("cr2"), from.Hex("cr3"), from.Hex("cr4"), from.Hex("cr8"), from.Hex("efer"), from.Hex("apicBase"));

    private static void WriteSystemRegisters(DocumentWriter to, KvmSystemRegisters registers, string place)
    {
        foreach ((string name, KvmSegment segment) in Segments(registers))
        {
            to.Object(name, Extension.PlaceOf(place, name), () => WriteSegment(to, segment));
        }

        foreach ((string name, KvmDescriptorTable table) in new[] { ("gdt", registers.Gdt), ("idt", registers.Idt) })
        {
            to.Object(name, Extension.PlaceOf(place, name), () =>
            {
                to.Hex("base", table.Base);
                to.Hex("limit", table.Limit);
            });
        }

        to.Hex("cr0", registers.Cr0);
        to.Hex("cr2", registers.Cr2);
        to.Hex("cr3", registers.Cr3);
        to.Hex("cr4", registers.Cr4);
        to.Hex("cr8", registers.Cr8);
        to.Hex("efer", registers.Efer);
        to.Hex("apicBase", registers.ApicBase);
    }

    private static (string Name, KvmSegment Segment)[] Segments(KvmSystemRegisters registers) =>
    [
        ("cs", registers.Cs), ("ds", registers.Ds), ("es", registers.Es), ("fs", registers.Fs),
        ("gs", registers.Gs), ("ss", registers.Ss), ("tr", registers.Tr), ("ldt", registers.Ldt),
    ];

    private static void WriteSegment(DocumentWriter to, KvmSegment segment)
    {
        to.Hex("base", segment.Base);
        to.Hex("limit", segment.Limit);
        to.Hex("selector", segment.Selector);
        to.Number("type", segment.Type);
        to.Number("present", segment.Present);
        to.Number("dpl", segment.Dpl);
        to.Number("db", segment.Db);
        to.Number("s", segment.S);
        to.Number("l", segment.L);
        to.Number("g", segment.G);
        to.Number("avl", segment.Avl);
        to.Number("unusable", segment.Unusable);
    }

    private static KvmSegment ReadSegment(ObjectCursor owner, string name, string place)
    {
        if (owner.Required(name) is not { } value)
        {
            return default;
        }

        ObjectCursor from = owner.Enter(value, owner.PathOf(name));
        KvmSegment segment = new(
            from.Hex("base"), from.Hex32("limit"), (ushort)from.Hex("selector", 16),
            from.Byte("type"), from.Byte("present"), from.Byte("dpl"), from.Byte("db"), from.Byte("s"),
            from.Byte("l"), from.Byte("g"), from.Byte("avl"), from.Byte("unusable"));
        from.Finish(Extension.PlaceOf(place, name));
        return segment;
    }

    private static KvmDescriptorTable ReadTable(ObjectCursor owner, string name, string place)
    {
        if (owner.Required(name) is not { } value)
        {
            return default;
        }

        ObjectCursor from = owner.Enter(value, owner.PathOf(name));
        KvmDescriptorTable table = new(from.Hex("base"), (ushort)from.Hex("limit", 16));
        from.Finish(Extension.PlaceOf(place, name));
        return table;
    }

    private static ulong[] ReadWords(ObjectCursor from, string name, int count)
    {
        ulong[] words = new ulong[count];
        if (from.Required(name) is not { } array)
        {
            return words;
        }

        if (array.Kind == JsonKind.Array && array.Items.Count != count)
        {
            from.Refuse(array, from.PathOf(name), $"an array of {count} words");
        }

        int at = 0;
        foreach ((JsonValue value, string path) in from.Items(array, from.PathOf(name)).Take(count))
        {
            words[at++] = from.HexOf(value, path);
        }

        return words;
    }

    private static void WriteWords(DocumentWriter to, string name, params ReadOnlySpan<ulong> words)
    {
        to.Json.WriteStartArray(name);
        foreach (ulong word in words)
        {
            to.Json.WriteStringValue(HexText.Of(word));
        }

        to.Json.WriteEndArray();
    }
}
