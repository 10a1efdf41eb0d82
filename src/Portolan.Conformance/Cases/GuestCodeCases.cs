using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Readings;

namespace Portolan.Conformance.Cases;

/// <summary>
/// What code in the guest put into its registers, and what it finds there after its state was saved and restored into other VMs (XS-2,
/// contract C9, C10, X33).
/// </summary>
internal static class GuestCodeCases
{
    private const int Hops = 3;

    /// <summary>Guest code reads the extended registers in 64-bit mode.</summary>
    private static readonly CaseNeed[] Needs = [CaseNeed.Xsave, CaseNeed.Feature("xsave"), CaseNeed.Feature("lm")];

    public static IEnumerable<ConformanceCase> All() =>
    [
        .. XFeatureTable.User.Except(XFeatureTable.Dynamic).Components().Where(Filled).Select(Component),
        new("chain.guest/everything", ["C9", "C10", "X33"], $"A guest that goes through {Hops} further VMs reads the same CPUID, XCR0, MSRs and extended registers in each", [.. Needs], static run
            => Carry(run, run.Everything, null)),
        new("chain.guest/over-saved", ["C9", "C10", "X33", "xsave.get.dropped"], "So does a guest whose image has a component that it was never promised, and the kernel drops it", [.. Needs], static run
            => OverSaved(run)),
    ];

    /// <summary>AMX's and MPX's configurations have bits that no pattern may set.</summary>
    private static bool Filled(int component) => XFeatureTable.TryFind(component, out XFeature? feature) && feature.Name is not ("bndregs" or "bndcsr" or "xtilecfg" or "apx");

    private static ConformanceCase Component(int component)
    {
        _ = XFeatureTable.TryFind(component, out XFeature? feature);
        XFeatureMask asked = XFeatureMask.Of(component);
        return new($"chain.guest/{feature!.Name}", ["C9", "C10", "X33"], $"What guest code put into {feature.Name} it reads again in another VM", [.. Needs, CaseNeed.Component(feature)], run =>
        {
            GuestContract contract = new() { Cpuid = run.Everything };
            GuestHop start = GuestCarriage.Start(run.System, contract);
            if (!Arrived(run, "at its start", start))
            {
                return;
            }

            GuestHop next = GuestCarriage.Receive(run.System, contract, start.State!, start.Reading!);
            if (!Arrived(run, "in another VM", next) || !XsaveLayout.TryFrom(run.Everything, out XsaveLayout layout, out _))
            {
                return;
            }

            byte[] pattern = RegisterPattern.Image(layout, asked);
            run.Check(InUse(start.Reading!.Xsave.AsSpan(), asked), $"{feature.Name} in use at the start", "it is initial");
            GuestReading wanted = new() { Components = asked, Xsave = [.. pattern] };
            string[] differences = [.. wanted.DifferencesFrom(new GuestReading { Components = asked, Xsave = next.Reading!.Xsave }, layout)];
            run.Check(differences.Length == 0, "the registers as the guest filled them", string.Join("; ", differences));
        });
    }

    private static bool InUse(ReadOnlySpan<byte> image, XFeatureMask asked)
        => ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage opened, out _) && asked.IsSubsetOf(opened.XstateBv);

    private static void OverSaved(CaseRun run)
    {
        int[] rest = [.. run.Plain.Except(XFeatureMask.Legacy).Components()];
        if (rest.Length == 0)
        {
            run.Undecided("KVM here supports x87 and SSE only");
        }
        else if (run.Behaviours.XsaveSetMask is XsaveSetMask.Guest or XsaveSetMask.GuestAndLegacy)
        {
            run.Undecided("xsave.set-mask is the guest's here: such an image is refused (XS-1)");
        }
        else
        {
            Carry(run, run.Promising(XFeatureMask.Legacy), rest[^1]);
        }
    }

    private static void Carry(CaseRun run, CpuidTable table, int? overSaved)
    {
        GuestContract contract = new() { Cpuid = table };
        GuestHop hop = GuestCarriage.Start(run.System, contract);
        if (!Arrived(run, "at its start", hop))
        {
            return;
        }

        GuestReading first = hop.Reading!;
        if (overSaved is { } component && XsaveLayout.TryFrom(run.Everything, out XsaveLayout layout, out _))
        {
            hop = hop with { State = GuestCarriage.OverSave(hop.State!, layout, component) };
        }

        for (int i = 1; i <= Hops; i++)
        {
            hop = GuestCarriage.Receive(run.System, contract, hop.State!, first);
            if (!Arrived(run, $"in VM {i}", hop))
            {
                return;
            }

            run.Check(hop.Differences.IsEmpty, $"the same readings in VM {i}", string.Join("; ", hop.Differences.Take(3)));
        }
    }

    private static bool Arrived(CaseRun run, string where, GuestHop hop)
    {
        if (hop.Reading?.Undecided is { } reason)
        {
            run.Undecided($"the guest's code {where}: {reason}");
            return false;
        }

        return run.Check(hop.Refused is null, $"the guest arrives {where}", hop.Refused ?? "");
    }
}
