using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Lint;

/// <summary>Which state a guest can have on a host that a VMM would not save.</summary>
public sealed class SaveSetLint
{
    private readonly LintedHost _host;
    private readonly LintedGuest _guest;
    private readonly SaveSet _saves;
    private readonly List<UnsavedState> _findings = [];
    private readonly List<UndecidedState> _undecided = [];

    private SaveSetLint(LintedHost host, LintedGuest guest, SaveSet saves)
    {
        _host = host;
        _guest = guest;
        _saves = saves;
    }

    /// <summary>Judges a save set.</summary>
    /// <param name="host">The host whose KVM the VMM reads from.</param>
    /// <param name="guest">What the guest was promised; null judges everything that the host can give to a guest.</param>
    /// <param name="saves">What the VMM saves.</param>
    /// <param name="without">Features that the VMM takes from every guest; heeded only without a contract.</param>
    public static LintReport Judge(HostSnapshot host, GuestContract? guest, SaveSet saves, ImmutableArray<string> without = default)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(saves);
        SaveSetLint lint = new(new LintedHost(host), new LintedGuest(host, guest, saves, without.IsDefault ? [] : without), saves);
        foreach (GuestStateRow row in GuestStateTable.All.Where(static row => row.Severity is not null))
        {
            lint.Judge(row);
        }

        foreach (uint msr in host.SavedMsrs?.Value.Where(static msr => GuestStateTable.Find(msr) is null) ?? [])
        {
            lint.Unheard(msr);
        }

        return new LintReport(saves.Name, [.. lint._findings.OrderByDescending(static finding => finding.Severity)], [.. lint._undecided]);
    }

    private void Judge(GuestStateRow row)
    {
        if (row.Item.Kind != SaveItemKind.Msr)
        {
            Add(row, row.Item, Lost(row, null));
            return;
        }

        // The MSRs of a row that are lost for the same reasons are one finding.
        foreach (IGrouping<(Answer Promised, Answer Present), uint> group in row.Item.Each()
            .Select(msr => (Msr: msr, Lost: Lost(row, msr))).Where(static one => one.Lost is not null)
            .GroupBy(static one => one.Lost!.Value, static one => one.Msr))
        {
            Add(row, SaveItem.OfMsrs([.. Spans(group)]), group.Key);
        }
    }

    /// <summary>Why the state can be there and is lost; null where it is saved, or cannot be there.</summary>
    private (Answer Promised, Answer Present)? Lost(GuestStateRow row, uint? msr)
    {
        Answer promised = _guest.Can(row, msr);
        IReadOnlyList<string> needs = row.Needs is ["cpuid"] ? KnownMsrs.Find(msr!.Value)?.Needs ?? [] : row.Needs;
        Answer saved = promised.Value == false ? Answer.No : IsSaved(row, msr, needs);
        if (promised.Value == false || saved.Value == true)
        {
            return null;
        }

        Answer present = _host.Has(row, msr, promised.Value == true && needs.Any(static need => need != KnownMsr.Unpromised));
        return present.Value == false ? null : (promised, saved.Value is null ? saved : present);
    }

    private Answer IsSaved(GuestStateRow row, uint? msr, IReadOnlyList<string> needs)
    {
        bool Carries(SavedItem saved, SaveItem item, uint? index)
            => index is { } one ? saved.Item.Covers(one, _host.Lists(one)) : saved.Item.Kind == item.Kind && saved.Item.Name == item.Name;

        // What a VMM saves for the very features that promise the state is saved whenever it is there.
        bool Applies(SavedItem saved)
            => saved.When is [] || (needs.Count > 0 && needs.All(need => saved.When.Contains(need))) || _guest.Any(saved.When).Value == true;

        bool IsOf(SavedItem saved)
            => Carries(saved, row.Item, msr) || row.Also.Any(also => Carries(saved, also, also.Kind == SaveItemKind.Msr ? also.Msrs[0].First : null));

        return _saves.Items.Any(saved => saved.IsKnown && Applies(saved) && IsOf(saved)) ? Answer.Yes("")
            : _saves.Items.Any(saved => !saved.IsKnown && IsOf(saved)) ? Answer.Unknown($"whether {_saves.Name} saves it")
            : Answer.No;
    }

    private void Add(GuestStateRow row, SaveItem state, (Answer Promised, Answer Present)? lost)
    {
        if (lost is not var (promised, present))
        {
            return;
        }

        if (promised.Value == true && present.Value == true)
        {
            _findings.Add(new UnsavedState(state, row, row.Severity!.Value, promised.Words, present.Words));
            return;
        }

        string[] facts = [.. ((Answer[])[promised, present]).Where(static answer => answer.Value is null).Select(static answer => answer.Words)];
        _undecided.Add(new UndecidedState(state, [.. facts]));
    }

    /// <summary>An MSR that KVM lists and no table knows: nobody can say whether its loss matters.</summary>
    private void Unheard(uint msr)
    {
        SaveItem item = SaveItem.OfMsrs(new MsrSpan(msr, msr));
        if (!_saves.Items.Any(saved => saved.When is [] && saved.Item.Covers(msr, isListed: true)))
        {
            _undecided.Add(new UndecidedState(item, [string.Create(CultureInfo.InvariantCulture, $"what MSR {msr:X}H is")]));
        }
    }

    private static IEnumerable<MsrSpan> Spans(IEnumerable<uint> ascending)
    {
        MsrSpan? open = null;
        foreach (uint msr in ascending)
        {
            if (open is { } span && msr == span.Last + 1)
            {
                open = span with { Last = msr };
                continue;
            }

            if (open is { } done)
            {
                yield return done;
            }

            open = new MsrSpan(msr, msr);
        }

        if (open is { } last)
        {
            yield return last;
        }
    }
}
