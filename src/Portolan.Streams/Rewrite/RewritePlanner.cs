using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Sections;

namespace Portolan.Streams.Rewrite;

/// <summary>Turns a request into edits of bytes, and the description's with them; refuses what takes from the guest what it was promised.</summary>
public sealed class RewritePlanner
{
    private const string XstateBv = "env.xstate_bv";

    private readonly MigrationStream _stream;
    private readonly RewriteRequest _request;
    private readonly List<StreamEdit> _edits = [];
    private readonly List<StreamChange> _changes = [];
    private readonly List<(uint Instance, string Subsection)> _dropped = [];

    private RewritePlanner(MigrationStream stream, RewriteRequest request)
    {
        _stream = stream;
        _request = request;
    }

    /// <summary>Plans a rewrite.</summary>
    /// <param name="stream">The stream, walked whole.</param>
    /// <param name="vcpus">Its vCPUs.</param>
    /// <param name="description">The bytes of its description; empty where it has none.</param>
    /// <param name="request">What is wanted.</param>
    public static RewritePlan Plan(MigrationStream stream, ImmutableArray<StreamVcpu> vcpus, ReadOnlyMemory<byte> description, RewriteRequest request)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(request);
        RewritePlanner planner = new(stream, request);
        StreamVcpu[] chosen = [.. vcpus.Where(vcpu => request.Vcpu is null || vcpu.Id == request.Vcpu)];
        if (chosen.Length == 0)
        {
            return Refused(request.Vcpu is { } id ? string.Create(CultureInfo.InvariantCulture, $"the stream has no vCPU {id}") : "the stream has no vCPU");
        }

        if (request.SanitisesXstateBv && request.Contract is null)
        {
            return Refused("to cut XSTATE_BV to what was promised, that must be known: give --guest or --xml");
        }

        foreach (StreamVcpu vcpu in chosen)
        {
            if (planner.Add(vcpu) is { } refused)
            {
                return refused;
            }
        }

        return planner.Describe(description) ?? new RewritePlan([.. planner._edits.OrderBy(static edit => edit.Offset)], [.. planner._changes], null);
    }

    private RewritePlan? Add(StreamVcpu vcpu)
    {
        ContractBounds bounds = new(_request.Contract, vcpu);
        if (_request.SanitisesXstateBv && vcpu.XstateBv is not null && Set(vcpu, bounds, new FieldSetting(XstateBv, bounds.Sanitised.Bits)) is { } unsanitised)
        {
            return unsanitised;
        }

        foreach (FieldSetting setting in _request.Sets)
        {
            if (Set(vcpu, bounds, setting) is { } refused)
            {
                return refused;
            }
        }

        foreach (string name in _request.Drops.Distinct())
        {
            if (Drop(vcpu, bounds, name) is { } refused)
            {
                return refused;
            }
        }

        return null;
    }

    private RewritePlan? Set(StreamVcpu vcpu, ContractBounds bounds, FieldSetting setting)
    {
        SectionFields cpu = vcpu.Cpu;
        StreamLeaf[] found = [.. StreamLeaf.Of(cpu.Root).Where(leaf => leaf.Name == setting.Field || leaf.Path == setting.Field)];
        if (found.Length != 1 || !found[0].IsNumber)
        {
            return Refused(found.Length switch
            {
                0 => $"{cpu.Section.Title} has no field {setting.Field}",
                1 => $"{setting.Field} is no number",
                _ => $"{setting.Field} is in several subsections: {string.Join(", ", found.Select(static leaf => leaf.Name))}",
            });
        }

        StreamLeaf field = found[0];
        if (_request.Drops.Contains(field.Subsection))
        {
            return Refused($"{setting.Field} is in {field.Subsection}, which is dropped");
        }

        if (field.Size < sizeof(ulong) && setting.Value >> (8 * field.Size) != 0)
        {
            return Refused(string.Create(CultureInfo.InvariantCulture, $"{setting.Field} has {field.Size} bytes, and 0x{setting.Value:x} does not fit"));
        }

        ulong before = field.Number(cpu.Content);
        if (before == setting.Value)
        {
            return null;
        }

        if (!_request.Force && bounds.Removes(field, before, setting.Value))
        {
            return Inside($"{cpu.Section.Title}: {field.Name} holds {Hex(before, field.Size)}, which is inside of what the guest was promised or cannot be shown to be outside");
        }

        byte[] value = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(value, setting.Value);
        long offset = cpu.Section.ContentOffset + field.Offset;
        if (_edits.Any(edit => edit.Offset == offset))
        {
            return Refused($"{setting.Field} is set twice");
        }

        _edits.Add(new StreamEdit(offset, field.Size, [.. value[^field.Size..]]));
        _changes.Add(new StreamChange(cpu.Section.Title, field.Name, Hex(before, field.Size), Hex(setting.Value, field.Size)));
        return null;
    }

    private RewritePlan? Drop(StreamVcpu vcpu, ContractBounds bounds, string name)
    {
        SectionFields cpu = vcpu.Cpu;
        if (cpu.Root.Subsections.FirstOrDefault(subsection => subsection.Name == name) is not { } subsection)
        {
            string known = string.Join(", ", cpu.Root.Subsections.Select(static one => one.Name));
            return Refused($"{cpu.Section.Title} has no subsection {name} of its own; it has {(known.Length == 0 ? "none" : known)}");
        }

        if (!_request.Force && !bounds.IsOutside(name))
        {
            return Inside($"{cpu.Section.Title}: {name} is inside of what the guest was promised, or cannot be shown to be outside");
        }

        _edits.Add(new StreamEdit(cpu.Section.ContentOffset + subsection.Offset, subsection.Length, []));
        _changes.Add(new StreamChange(cpu.Section.Title, name, string.Create(CultureInfo.InvariantCulture, $"{subsection.Length} bytes"), null));
        _dropped.Add((cpu.Section.Instance, name));
        return null;
    }

    /// <summary>Keeps the description true: what was dropped leaves it too, and its length follows.</summary>
    private RewritePlan? Describe(ReadOnlyMemory<byte> description)
    {
        if (_dropped.Count == 0 || _stream.Description is not { } described)
        {
            return null;
        }

        if (DescriptionEdit.Without(description.Span, _dropped, described.Offset) is not { } edits)
        {
            return Refused("the description does not list what is dropped, so it cannot be kept true");
        }

        _edits.AddRange(edits);
        byte[] length = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(length, (uint)(described.Length - edits.Sum(static edit => edit.Removed)));
        _edits.Add(new StreamEdit(described.Offset - sizeof(uint), sizeof(uint), [.. length]));
        return null;
    }

    private static string Hex(ulong value, int size) => "0x" + value.ToString("x" + (2 * size).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static RewritePlan Refused(string why) => new([], [], why);

    private static RewritePlan Inside(string why) => new([], [], why) { MayBeForced = true };
}
