using System.Collections.Immutable;
using Portolan.Cli.Frame;
using Portolan.Conformance;
using Portolan.Documents;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Model;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Conformance;

/// <summary>Models of hosts as subjects of the suite.</summary>
internal static class ModelSubjects
{
    private const string Word = "model";
    private const string WithGeneration = Word + ":";

    /// <summary>The subjects that a word of the command line names.</summary>
    public static Reading<IReadOnlyList<ConformanceSubject>> Of(Terminal terminal, string name)
    {
        IEnumerable<Generation?> generations = [null, .. GenerationTable.All];
        if (name.StartsWith(WithGeneration, StringComparison.Ordinal))
        {
            Reading<Generation> named = Named(name);
            if (!named.Ok)
            {
                return Reading.Refused<IReadOnlyList<ConformanceSubject>>(named.Fault);
            }

            generations = [named.Value];
        }
        else if (name != Word)
        {
            Reading<HostSnapshot> file = InputFile.Host(terminal, name);
            return file.Ok ? Model(file.Value, name, null) : Reading.Refused<IReadOnlyList<ConformanceSubject>>(file.Fault);
        }

        List<ConformanceSubject> subjects = [];
        foreach (string shipped in ShippedHosts.Names)
        {
            Reading<HostSnapshot> host = InputFile.Host(terminal, ShippedHosts.Prefix + shipped);
            foreach (Generation? generation in generations)
            {
                Reading<IReadOnlyList<ConformanceSubject>> model = host.Ok ? Model(host.Value, shipped, generation) : Reading.Refused<IReadOnlyList<ConformanceSubject>>(host.Fault);
                if (!model.Ok)
                {
                    return model;
                }

                subjects.AddRange(model.Value);
            }
        }

        return Reading.Of<IReadOnlyList<ConformanceSubject>>(subjects);
    }

    /// <summary>The model of one host, as its snapshot says.</summary>
    public static Reading<IReadOnlyList<ConformanceSubject>> Of(HostSnapshot host) => Model(host, host.Name ?? "host", null);

    /// <summary>The model of one host, as its snapshot says, or in the generation that the word names.</summary>
    public static Reading<ConformanceSubject> Of(HostSnapshot host, string word)
    {
        Generation? generation = null;
        if (word != Word)
        {
            Reading<Generation> named = Named(word);
            if (!named.Ok)
            {
                return Reading.Refused<ConformanceSubject>(named.Fault);
            }

            generation = named.Value;
        }

        Reading<IReadOnlyList<ConformanceSubject>> model = Model(host, host.Name ?? "host", generation);
        return model.Ok ? Reading.Of(model.Value[0]) : Reading.Refused<ConformanceSubject>(model.Fault);
    }

    private static Reading<Generation> Named(string word)
    {
        string asked = word[WithGeneration.Length..];
        return GenerationTable.Find(asked) is { } generation
            ? Reading.Of(generation)
            : Reading.Refused<Generation>(new InputFault(
                $"--subject {word}", "a generation", $"'{asked}'", $"choose one of {string.Join(", ", GenerationTable.All.Select(static row => row.Name))}"));
    }

    private static Reading<IReadOnlyList<ConformanceSubject>> Model(HostSnapshot host, string name, Generation? generation)
    {
        KvmBehaviours own = KvmBehaviours.Of(host);
        KvmBehaviours behaviours = generation is null ? own : own.With(generation);
        if (ModelSystem.TryCreate(host, behaviours, out ImmutableArray<string> missing) is not { } system)
        {
            return Reading.Refused<IReadOnlyList<ConformanceSubject>>(new InputFault(
                name, "a host snapshot that can be modelled", $"one without {string.Join(" and ", missing)}", "complete it, or record the host with 'portolan host dump'"));
        }

        string title = $"model of {host.Name ?? name}{(generation is null ? "" : $" as {generation.Name}")}";
        return Reading.Of<IReadOnlyList<ConformanceSubject>>([new ConformanceSubject(title, host, behaviours, system.AnotherProcess, IsModel: true)]);
    }
}
