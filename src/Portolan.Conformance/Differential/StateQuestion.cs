using System.Collections.Immutable;
using System.Globalization;

namespace Portolan.Conformance.Differential;

/// <summary>A place of a vCPU's state at which two implementations differ.</summary>
/// <param name="Group">The place: the call and the register, MSR, CPUID leaf or part of the image.</param>
/// <param name="Kernel">What the kernel has there.</param>
/// <param name="Model">What the model has there.</param>
internal sealed record PlaceDifference(string Group, string Kernel, string Model);

/// <summary>A question about a vCPU's state that is put to both after every step.</summary>
internal abstract class StateQuestion
{
    private const int LongText = 60;

    /// <summary>The questions that need no more than the vCPU. Those about MSRs are <see cref="MsrQuestion"/>'s.</summary>
    public static ImmutableArray<StateQuestion> Fixed { get; } =
    [
        new Question<XsaveImage>("KVM_GET_XSAVE", XsaveImage.Read, static image => image.Places()),
        new Question<KvmXcrs>("KVM_GET_XCRS", static vcpu => vcpu.GetXcrs(), static xcrs => xcrs.Entries.Select(static xcr => ($"XCR{xcr.Register}", $"0x{xcr.Value:x}"))),
        new Question<CpuidTable>("KVM_GET_CPUID2", static vcpu => vcpu.GetCpuid2(), static table => table.Select(static entry => ($"{entry.Address.Leaf:X}H.{entry.Address.Subleaf:X}", $"{entry.Values}"))),
        new Question<KvmSregs>("KVM_GET_SREGS", static vcpu => vcpu.GetSregs(), SregsPlaces),
        new Question<KvmRegs>("KVM_GET_REGS", static vcpu => vcpu.GetRegs(), static regs => Fields($"{regs}")),
        new Question<KvmDebugRegs>("KVM_GET_DEBUGREGS", static vcpu => vcpu.GetDebugRegs(), static regs => Fields($"{regs}")),
        new Question<KvmVcpuEvents>("KVM_GET_VCPU_EVENTS", static vcpu => vcpu.GetVcpuEvents(), static events => Fields($"{events}")),
        new Question<KvmMpState>("KVM_GET_MP_STATE", static vcpu => vcpu.GetMpState(), static state => [("", $"{state}")]),
        new Question<uint>("KVM_GET_TSC_KHZ", static vcpu => vcpu.GetTscKhz(), static khz => [("", $"{khz}")]),
        new Question<NestedImageText>("KVM_GET_NESTED_STATE", NestedImageText.Read, static state => state.Places()),
    ];

    /// <summary>Puts the question to both and counts the kernel's ioctls; null if the model lacks a fact.</summary>
    public abstract IReadOnlyList<PlaceDifference>? Ask(IKvmVcpu kernel, IKvmVcpu model, ref long ioctls);

    private static List<(string Place, string Text)> SregsPlaces(KvmSregs sregs)
    {
        KvmSystemRegisters r = sregs.Registers;
        ReadOnlySpan<(string, KvmSegment)> segments = [("CS", r.Cs), ("DS", r.Ds), ("ES", r.Es), ("FS", r.Fs), ("GS", r.Gs), ("SS", r.Ss), ("TR", r.Tr), ("LDT", r.Ldt)];
        List<(string Place, string Text)> places = [];
        foreach ((string name, KvmSegment segment) in segments)
        {
            places.AddRange(Fields($"{segment}").Select(field => ($"{name}.{field.Place}", field.Text)));
        }

        places.AddRange([("GDT", $"{r.Gdt}"), ("IDT", $"{r.Idt}"), ("interrupt bitmap", $"{sregs.InterruptBitmap}")]);
        places.AddRange([("CR0", Hex(r.Cr0)), ("CR2", Hex(r.Cr2)), ("CR3", Hex(r.Cr3)), ("CR4", Hex(r.Cr4)), ("CR8", Hex(r.Cr8)), ("EFER", Hex(r.Efer)), ("APIC_BASE", Hex(r.ApicBase))]);
        return places;
    }

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    /// <summary>The fields of a flat record's text.</summary>
    private static IEnumerable<(string Place, string Text)> Fields(string record)
    {
        int open = record.IndexOf('{', StringComparison.Ordinal), close = record.LastIndexOf('}');
        return record[(open + 1)..close].Split(',').Select(static field => field.Split('=')).Select(static field => (field[0].Trim(), field[1].Trim()));
    }

    /// <summary>A question whose answer is compared as a whole first, and by its places only where it differs.</summary>
    private sealed class Question<T>(string call, Func<IKvmVcpu, KvmAnswer<T>> ask, Func<T, IEnumerable<(string Place, string Text)>> places) : StateQuestion
    {
        public override IReadOnlyList<PlaceDifference>? Ask(IKvmVcpu kernel, IKvmVcpu model, ref long ioctls)
        {
            KvmAnswer<T> left = ask(kernel), right = ask(model);
            ioctls++;
            if (right.IsUnknown)
            {
                return null;
            }

            if (!left.Ok || !right.Ok)
            {
                return left.Errno == right.Errno ? [] : [new PlaceDifference(call, Word(left), Word(right))];
            }

            return EqualityComparer<T>.Default.Equals(left.Value, right.Value) ? [] : ByPlace(places(left.Value), places(right.Value));
        }

        private static string Word(KvmAnswer<T> answer) => answer.Ok ? "ok" : $"{answer.Errno}";

        private List<PlaceDifference> ByPlace(IEnumerable<(string Place, string Text)> kernel, IEnumerable<(string Place, string Text)> model)
        {
            Dictionary<string, string> others = model.DistinctBy(static one => one.Place).ToDictionary(static one => one.Place, static one => one.Text, StringComparer.Ordinal);
            List<PlaceDifference> found = [];
            foreach ((string place, string text) in kernel.DistinctBy(static one => one.Place))
            {
                string other = others.Remove(place, out string? known) ? known : "nothing";
                if (other != text)
                {
                    int same = text.Length > LongText ? text.AsSpan().CommonPrefixLength(other) / 2 * 2 : 0;
                    string at = same > 0 ? string.Create(CultureInfo.InvariantCulture, $"from byte {same / 2} on ") : "";
                    found.Add(new PlaceDifference($"{call} {place}".TrimEnd(), at + text[same..], at + other[same..]));
                }
            }

            found.AddRange(others.Select(rest => new PlaceDifference($"{call} {rest.Key}".TrimEnd(), "nothing", rest.Value)));
            return found.Count > 0 ? found : [new PlaceDifference($"{call} order", "the same entries", "in another order")];
        }
    }
}
