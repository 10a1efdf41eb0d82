using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Policies;
using Portolan.Documents.Json;
using Portolan.Kvm.Clauses;

namespace Portolan.Documents.Policies;

/// <summary>The fields of a policy's document.</summary>
internal static class PolicyFields
{
    public const string Warnings = "warnings";
    public const string Incompatible = "incompatible";

    private const string MaxAge = "maxEvidenceAgeDays";
    private const long LongestAge = 36_500;
    private const string WaiversPlace = "/waivers";
    private const string NotReadAdvice = "an ioctl does not read a policy; make the host or the VMM comply, or leave the clause out";

    private static readonly (string Word, PolicyAction Action)[] Actions =
        [("block", PolicyAction.Block), ("warn", PolicyAction.Warn), ("note", PolicyAction.Note)];

    public static string WordOf(PolicyAction action) => Actions.First(pair => pair.Action == action).Word;

    /// <summary>Where a waiver's unknown fields stay: with its name.</summary>
    public static string PlaceOf(string waiver) => Extension.PlaceOf(WaiversPlace, waiver);

    public static CheckPolicy Read(ObjectCursor root) => new()
    {
        Name = root.OptionalText("name"),
        FailsOnWarnings = ReadFailOn(root),
        MaxEvidenceAgeDays = root.Optional(MaxAge) is { } days ? (int)root.IntegerOf(days, root.PathOf(MaxAge), 0, LongestAge) : null,
        Rules = root.Optional("clauses") is { } clauses ? ReadRules(root, clauses) : [],
        Waivers = root.Optional("waivers") is { } waivers ? ReadWaivers(root, waivers) : [],
    };

    /// <summary>A day, <c>2026-12-31</c>.</summary>
    public static bool TryParseDay(string text, out DateOnly day)
        => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day);

    private static bool ReadFailOn(ObjectCursor root)
    {
        string? word = root.OptionalText("failOn");
        if (word is not (null or Warnings or Incompatible))
        {
            root.Refuse(root.Optional("failOn")!, root.PathOf("failOn"), $"\"{Incompatible}\" or \"{Warnings}\"");
        }

        return word == Warnings;
    }

    private static ImmutableArray<PolicyRule> ReadRules(ObjectCursor root, JsonValue clauses)
    {
        if (clauses.Kind != JsonKind.Object)
        {
            root.Refuse(clauses, root.PathOf("clauses"), "an object of clause ids and block, warn or note");
        }

        return [.. clauses.Members.Select(member => ReadRule(root, member, $"{root.PathOf("clauses")}.{member.Name}"))];
    }

    private static PolicyRule ReadRule(ObjectCursor root, JsonMember member, string path)
    {
        ClausePattern pattern = PatternOf(root, member.Name, member.Offset, path);
        string word = member.Value.Kind == JsonKind.String ? member.Value.Text : "";
        if (!Actions.Any(pair => pair.Word == word))
        {
            root.Refuse(member.Value, path, "\"block\", \"warn\" or \"note\"");
        }

        PolicyRule rule = new(pattern, Actions.FirstOrDefault(pair => pair.Word == word).Action);
        if (rule.Softened is { } clause)
        {
            root.Refuse(
                member.Value.Offset,
                path,
                $"nothing milder than what {clause.Rule.Id} comes to by itself ({Verdicts.VerdictWords.Of(clause.Severity)}, enforced by {clause.EnforcedBy})",
                Printable.Quote(word),
                NotReadAdvice);
        }

        return rule;
    }

    private static ImmutableArray<Waiver> ReadWaivers(ObjectCursor root, JsonValue waivers)
    {
        ImmutableArray<Waiver>.Builder read = ImmutableArray.CreateBuilder<Waiver>();
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach ((JsonValue value, string path) in root.Items(waivers, root.PathOf("waivers")))
        {
            ObjectCursor row = root.Enter(value, path);
            Waiver waiver = ReadWaiver(row);
            row.Finish(PlaceOf(waiver.Name));
            if (!names.Add(waiver.Name))
            {
                row.Refuse(row.Required("name")?.Offset ?? row.Offset, row.PathOf("name"), "each waiver's name once", $"{Printable.Quote(waiver.Name)} a second time", "give it another name");
            }

            read.Add(waiver);
        }

        return read.ToImmutable();
    }

    private static Waiver ReadWaiver(ObjectCursor row)
    {
        Waiver waiver = new(Filled(row, "name"), ReadClause(row), Filled(row, "reason"), ReadDay(row, "expires"))
        {
            Subject = ReadSubject(row),
            Hosts = row.OptionalText("hosts") is { } hosts ? new NameGlob(hosts) : null,
        };
        if (waiver.Unwaivable is { } clause && row.Required("clause") is { } place)
        {
            row.Refuse(
                place.Offset,
                row.PathOf("clause"),
                "a clause that only a check enforces",
                $"{Printable.Quote(waiver.Clauses.Text)}, and {clause.Rule.Id} is enforced by {clause.EnforcedBy}",
                NotReadAdvice);
        }

        return waiver;
    }

    private static ClausePattern ReadClause(ObjectCursor row)
        => row.Required("clause") is { } value ? PatternOf(row, row.TextOf(value, row.PathOf("clause")), value.Offset, row.PathOf("clause")) : new ClausePattern("");

    private static ClausePattern PatternOf(ObjectCursor owner, string text, int offset, string path)
    {
        ClausePattern pattern = new(text);
        if (!pattern.Clauses.Any())
        {
            string[] near = [.. NearClauses.Of(text.TrimEnd('*'))];
            owner.Refuse(
                offset,
                path,
                "the id of a clause, or the beginning of ids with * at its end",
                Printable.Quote(text),
                near.Length == 0 ? "see 'portolan contract list'" : $"near it: {string.Join(", ", near)}");
        }

        return pattern;
    }

    private static WaivedSubject? ReadSubject(ObjectCursor row)
    {
        if (row.Optional("subject") is not { } value)
        {
            return null;
        }

        WaivedSubject? subject = WaivedSubject.Find(row.TextOf(value, row.PathOf("subject")));
        if (subject is null)
        {
            row.Refuse(
                value.Offset,
                row.PathOf("subject"),
                "a CPUID feature, an MSR (name or 0x…), a component, a KVM_CAP_… name, or guest, vmm, tsc or host",
                value.ToString(),
                "take the name that the finding shows, or leave the field out");
        }

        return subject;
    }

    private static DateOnly ReadDay(ObjectCursor row, string name)
    {
        string text = row.Text(name);
        if (!TryParseDay(text, out DateOnly day) && row.Required(name) is { } value)
        {
            row.Refuse(value, row.PathOf(name), "a day as \"2026-12-31\"");
        }

        return day;
    }

    private static string Filled(ObjectCursor row, string name)
    {
        string text = row.Text(name);
        if (string.IsNullOrWhiteSpace(text) && row.Required(name) is { } value)
        {
            row.Refuse(value, row.PathOf(name), "a text that is not empty");
        }

        return text;
    }
}
