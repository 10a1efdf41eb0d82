using System.Globalization;

#pragma warning disable CA5394 // Reproducible: a seeded generator whose algorithm the runtime keeps.

namespace Portolan.Conformance.Differential;

/// <summary>KVM_SET_SREGS of the vCPU's own registers with something changed.</summary>
internal static class SregsSteps
{
    private const string Call = "KVM_SET_SREGS";
    private const ulong Paging = 1UL << 31 | 1, Pae = 1UL << 5, LongMode = 1UL << 8 | 1UL << 10;
    private const ulong Physical = 1UL << 52;

    /// <summary>A bit of one register, or another value.</summary>
    public static DifferentialStep<IKvmVcpu> One(Random random)
    {
        (string register, string words, Func<KvmSystemRegisters, KvmSystemRegisters> edit) = Edit(random);
        return Step($"{Call} {register}", words, edit);
    }

    /// <summary>Several registers at once, and the modes that need several to agree.</summary>
    public static DifferentialStep<IKvmVcpu> Many(Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                return Step($"{Call} mode", "64-bit mode", static now => now with { Cr0 = now.Cr0 | Paging, Cr4 = now.Cr4 | Pae, Efer = now.Efer | LongMode });
            case 1:
                return Step($"{Call} mode", "real mode", static now => now with { Cr0 = now.Cr0 & ~Paging, Cr4 = now.Cr4 & ~Pae, Efer = now.Efer & ~LongMode });
            default:
                var edits = Enumerable.Range(0, random.Next(2, 4)).Select(_ => Edit(random)).ToArray();
                return Step(edits.Any(static one => one.Register == "CR4") ? $"{Call} CR4" : $"{Call} several", string.Join(", ", edits.Select(static one => one.Words)), now => edits.Aggregate(now, static (registers, one) => one.Apply(registers)));
        }
    }

    private static DifferentialStep<IKvmVcpu> Step(string group, string words, Func<KvmSystemRegisters, KvmSystemRegisters> edit)
        => new(Call, group, words, vcpu =>
        {
            KvmAnswer<KvmSregs> sregs = vcpu.GetSregs();
            return StepAnswer.Of(sregs.Ok ? vcpu.SetSregs(sregs.Value with { Registers = edit(sregs.Value.Registers) }) : sregs.WithoutValue());
        });

    private static (string Register, string Words, Func<KvmSystemRegisters, KvmSystemRegisters> Apply) Edit(Random random)
    {
        ulong low = 1UL << random.Next(random.Next(8) == 0 ? 64 : 32), small = 1UL << random.Next(random.Next(8) == 0 ? 64 : 22);
        ulong number = (ulong)random.Next(20), address = (ulong)random.NextInt64(1L << 40) & ~0xfffUL | (random.Next(4) == 0 ? Physical << random.Next(12) : 0);
        return random.Next(8) switch
        {
            0 => ("CR0", Words($"CR0 ^ 0x{low:x}"), now => now with { Cr0 = now.Cr0 ^ low }),
            1 => ("CR4", Words($"CR4 ^ 0x{low:x}"), now => now with { Cr4 = now.Cr4 ^ low }),
            2 => ("EFER", Words($"EFER ^ 0x{small:x}"), now => now with { Efer = now.Efer ^ small }),
            3 => ("CR8", Words($"CR8 = {number}"), now => now with { Cr8 = number }),
            4 => ("CR3", Words($"CR3 = 0x{address:x}"), now => now with { Cr3 = address }),
            5 => ("CR2", Words($"CR2 = 0x{address:x}"), now => now with { Cr2 = address }),
            6 => ("APIC_BASE", Words($"APIC_BASE ^ 0x{small:x}"), now => now with { ApicBase = now.ApicBase ^ small }),
            _ => ("CS.L", Words($"CS.L = {number & 1}"), now => now with { Cs = now.Cs with { L = (byte)(number & 1) } }),
        };
    }

    private static string Words(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
