using System.Collections.Immutable;
using Portolan.Streams.Fields;
using Portolan.X86.Msr;

namespace Portolan.Streams.Cpu;

/// <summary>An MSR of a stream.</summary>
/// <param name="Msr">Index and value.</param>
/// <param name="Field">The field that holds it.</param>
/// <param name="Vmstate">The vmstate of the field.</param>
/// <param name="When">When the destination's QEMU writes it.</param>
public sealed record StreamMsr(MsrValue Msr, string Field, string Vmstate, MsrCondition When);

/// <summary>Finds the MSRs in a vCPU's section, in QEMU's order: IA32_FEATURE_CONTROL first, IA32_TSC_DEADLINE last.</summary>
internal static class MsrRebuild
{
    private const int BankRegisters = 4;
    private const ulong BankCount = 0xff;

    public static ImmutableArray<StreamMsr> Of(SectionFields cpu)
    {
        List<StreamMsr> found = [];
        Add(cpu, cpu.Root, found);
        ulong banks = (cpu.Number("env.mcg_cap") ?? 0) & BankCount;
        found.RemoveAll(msr => msr.When == MsrCondition.Mce && banks == 0 || msr.When == MsrCondition.MceBank && msr.Msr.Index >= MsrIndex.Ia32Mc0Ctl + (BankRegisters * banks));

        // QEMU writes as many counters as the destination has; one that counts nothing says nothing.
        found.RemoveAll(static msr => msr.When == MsrCondition.Pmu && msr.Msr.Value == 0);
        return [.. found.OrderBy(static msr => msr.Msr.Index switch { MsrIndex.Ia32FeatureControl => 0, MsrIndex.Ia32TscDeadline => 2, _ => 1 })];
    }

    private static void Add(SectionFields cpu, StreamStruct state, List<StreamMsr> found)
    {
        foreach (StreamField field in state.Fields)
        {
            if (!CpuVmstates.TryFindField(state.Name, field.Name, out VmstateFieldRow? row) || row.Msrs.IsEmpty)
            {
                continue;
            }

            ulong[] numbers = field.Structs.IsEmpty
                ? [.. Enumerable.Range(0, field.Count ?? 1).Select(index => cpu.NumberOf(state, field.Name, index) ?? 0)]
                : [.. field.Structs.SelectMany(element => element.Fields.Select(inner => cpu.NumberOf(element, inner.Name) ?? 0))];
            for (int i = 0; i < Math.Min(numbers.Length, row.Msrs.Length); i++)
            {
                found.Add(new StreamMsr(new MsrValue(row.Msrs[i], numbers[i]), field.Name, state.Name, row.When));
            }
        }

        foreach (StreamStruct subsection in state.Subsections)
        {
            Add(cpu, subsection, found);
        }
    }
}
