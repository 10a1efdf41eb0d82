using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Attribution;

namespace Portolan.Documents.Verdicts;

/// <summary>Reads the fields of a verdict's document.</summary>
internal static class VerdictFields
{
    /// <summary>More hops, vCPUs and exit codes than there are.</summary>
    private const int Most = ushort.MaxValue;

    internal static string RowPlace(string place, int row) => Extension.PlaceOf(place, row.ToString(CultureInfo.InvariantCulture));

    internal static VerdictReport Read(ObjectCursor root) => new()
    {
        Guest = root.OptionalText("guest"),
        GuestHash = root.Text("guestHash"),
        Hosts = Rows(root, "hosts", ReadHost),
        Settings = root.Required("settings") is { } settings ? ReadSettings(root.Enter(settings, "$.settings")) : new("", "", "", "", null),
        FromState = root.Flag("fromState"),
        Vcpus = [.. Numbers(root, "vcpus").Select(static id => (uint)id)],
        Verdict = Word(root, "verdict", Enum.GetValues<Verdict>(), VerdictWords.Of),
        ExitCode = Number(root, "exitCode"),
        LastHop = Number(root, "lastHop"),
        Findings = Rows(root, "findings", ReadFinding),
        Remedies = root.Optional("remedies") is null ? null : Rows(root, "remedies", static (row, place) => new ReportedPlan(
            Number(row, "cost"),
            Word(row, "after", Enum.GetValues<Verdict>(), VerdictWords.Of),
            Rows(row, "steps", static (step, _) => new ReportedStep(step.Text("kind"), step.Text("text")), place))),
        Missing = Rows(root, "missing", static (row, _) => new ReportedGap(Number(row, "hop"), row.Text("host"), row.Text("fact"), row.OptionalText("clause"))),
    };

    private static ReportedHost ReadHost(ObjectCursor row, string place)
    {
        EvidenceCount count = default;
        if (row.Required("evidence") is { } evidence)
        {
            ObjectCursor counts = row.Enter(evidence, row.PathOf("evidence"));
            count = new(Number(counts, "measured"), Number(counts, "recorded"), Number(counts, "derived"), Number(counts, "unknown"));
            counts.Finish(Extension.PlaceOf(place, "evidence"));
        }

        return new(row.Text("name"), row.OptionalText("kernelRelease"), row.Text("contentHash"), count);
    }

    private static ReportedSettings ReadSettings(ObjectCursor settings)
    {
        ReportedSettings read = new(
            settings.Text("vmm"), settings.Text("order"), settings.Text("evmcsEnabled"), settings.Text("evmcsPolicy"), settings.OptionalText("evmcsDesign"))
        {
            NestedControls = settings.Optional("nestedControls") is { } controls
                ? [.. settings.Items(controls, settings.PathOf("nestedControls")).Select(item => settings.TextOf(item.Value, item.Path))]
                : null,
            Unpermitted = [.. Numbers(settings, "unpermitted").Select(static hop => (int)hop)],
            Policy = settings.OptionalText("policy"),
            Date = settings.OptionalText("date"),
        };
        settings.Finish("/settings");
        return read;
    }

    private static ReportedFinding ReadFinding(ObjectCursor row, string place)
    {
        (string kind, string id) = ("", "");
        if (row.Required("subject") is { } stated)
        {
            ObjectCursor subject = row.Enter(stated, row.PathOf("subject"));
            (kind, id) = (subject.Text("kind"), subject.Text("id"));
            subject.Finish(Extension.PlaceOf(place, "subject"));
        }

        Attribution? cause = null;
        if (row.Optional("cause") is { } given)
        {
            ObjectCursor of = row.Enter(given, row.PathOf("cause"));
            cause = AttributionFields.Read(of);
            of.Finish(Extension.PlaceOf(place, "cause"));
        }

        FindingWords words = new(row.Text("place"), row.Text("names"), row.Text("guest"), row.Text("offered"));
        return new(row.Text("clause"), Word(row, "severity", Enum.GetValues<ClauseSeverity>(), VerdictWords.Of), Number(row, "hop"), row.Text("host"), kind, id, words)
        {
            Statement = row.Text("statement"),
            Consequence = row.Text("consequence"),
            EnforcedBy = row.Text("enforcedBy"),
            Source = row.Text("source"),
            GuestValue = row.Hex("guestValue"),
            HostValue = row.Hex("hostValue"),
            JudgedSeverity = row.Optional("judgedSeverity") is null ? null : Word(row, "judgedSeverity", Enum.GetValues<ClauseSeverity>(), VerdictWords.Of),
            Waiver = row.OptionalText("waiver"),
            Vcpus = [.. Numbers(row, "vcpus").Select(static vcpu => (uint)vcpu)],
            Cause = cause,
        };
    }

    private static ImmutableArray<T> Rows<T>(ObjectCursor owner, string name, Func<ObjectCursor, string, T> read, string parent = Extension.Root)
    {
        ImmutableArray<T>.Builder rows = ImmutableArray.CreateBuilder<T>();
        foreach ((JsonValue value, string path) in owner.Items(owner.Required(name), owner.PathOf(name)))
        {
            ObjectCursor row = owner.Enter(value, path);
            string place = RowPlace(Extension.PlaceOf(parent, name), rows.Count);
            rows.Add(read(row, place));
            row.Finish(place);
        }

        return rows.ToImmutable();
    }

    private static T Word<T>(ObjectCursor owner, string name, T[] words, Func<T, string> spelling)
        where T : struct
    {
        if (owner.Required(name) is { } value)
        {
            string text = owner.TextOf(value, owner.PathOf(name));
            foreach (T word in words)
            {
                if (spelling(word) == text)
                {
                    return word;
                }
            }

            owner.Refuse(value, owner.PathOf(name), "one of " + string.Join(", ", words.Select(spelling)));
        }

        return default;
    }

    private static int Number(ObjectCursor owner, string name)
        => owner.Required(name) is { } value ? (int)owner.IntegerOf(value, owner.PathOf(name), 0, Most) : 0;

    private static IEnumerable<long> Numbers(ObjectCursor owner, string name)
        => owner.Items(owner.Required(name), owner.PathOf(name)).Select(item => owner.IntegerOf(item.Value, item.Path, 0, uint.MaxValue));
}
