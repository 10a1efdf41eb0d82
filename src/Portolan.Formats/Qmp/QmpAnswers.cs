using System.Globalization;
using Portolan.Documents;
using Portolan.Documents.Json;

namespace Portolan.Formats.Qmp;

/// <summary>An answer to query-cpu-model-expansion.</summary>
/// <param name="Model">The model the answer names: <c>base</c> for a static expansion, else the model that was asked about.</param>
/// <param name="Properties">Its properties.</param>
internal sealed record ModelExpansion(string Model, JsonValue Properties);

/// <summary>One model of query-cpu-definitions that says what this QEMU cannot give it.</summary>
/// <param name="Model">The model.</param>
/// <param name="Unavailable">The properties that it lacks here, an array of strings.</param>
internal sealed record ModelDefinition(string Model, JsonValue Unavailable);

/// <summary>
/// The answers of a QEMU monitor in a file: QMP replies, one JSON document after another, with or without the greeting, the
/// <c>return</c> envelope, events and the commands that were sent. Each is known by its shape.
/// </summary>
internal sealed class QmpAnswers
{
    private const string Advice = "write the replies again as the monitor sends them";

    private readonly string _file;
    private InputFault? _fault;

    private QmpAnswers(string file) => _file = file;

    /// <summary>QEMU's version, <c>7.2.22</c>, from the greeting or query-version.</summary>
    public string? Version { get; private set; }

    /// <summary>Does QEMU use KVM, as query-kvm says?</summary>
    public bool? KvmEnabled { get; private set; }

    /// <summary>The expansions, as they stand.</summary>
    public List<ModelExpansion> Expansions { get; } = [];

    /// <summary>The models of query-cpu-definitions that name what they lack.</summary>
    public List<ModelDefinition> Definitions { get; } = [];

    /// <summary>The machine types of query-machines.</summary>
    public List<string> Machines { get; } = [];

    /// <summary>The classes and descriptions of errors the monitor answered.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>Reads the answers.</summary>
    public static Reading<QmpAnswers> Read(string file, ReadOnlyMemory<byte> bytes)
    {
        Reading<IReadOnlyList<JsonValue>> documents = JsonParser.ParseSequence(file, bytes);
        if (!documents.Ok)
        {
            return Reading.Refused<QmpAnswers>(documents.Fault);
        }

        QmpAnswers answers = new(file);
        for (int i = 0; i < documents.Value.Count && answers._fault is null; i++)
        {
            answers.TakeDocument(documents.Value[i], string.Create(CultureInfo.InvariantCulture, $"$[{i}]"));
        }

        if (answers._fault is { Line: null, ByteOffset: { } offset } fault)
        {
            answers._fault = fault with { Line = JsonParser.LineOf(bytes.Span, (int)offset) };
        }

        return answers._fault is { } found ? Reading.Refused<QmpAnswers>(found) : Reading.Of(answers);
    }

    private void TakeDocument(JsonValue document, string path)
    {
        if (document["QMP"] is { } greeting)
        {
            TakeVersion(greeting["version"]);
        }
        else if (document["error"] is { } error)
        {
            Errors.Add(error["desc"]?.Text ?? error["class"]?.Text ?? "an error without a description");
        }
        else if (document["execute"] is null && document["event"] is null)
        {
            bool isWrapped = document["return"] is not null;
            TakeAnswer(document["return"] ?? document, isWrapped ? path + ".return" : path);
        }
    }

    private void TakeAnswer(JsonValue answer, string path)
    {
        if (answer["model"] is { } model)
        {
            TakeExpansion(model, path + ".model");
        }
        else if (answer["enabled"] is { Kind: JsonKind.Boolean } enabled && answer["present"] is not null)
        {
            KvmEnabled = enabled.IsTrue;
        }
        else if (answer["qemu"] is not null)
        {
            TakeVersion(answer);
        }
        else if (answer.Kind == JsonKind.Array)
        {
            for (int i = 0; i < answer.Items.Count; i++)
            {
                TakeItem(answer.Items[i], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"));
            }
        }
    }

    private void TakeExpansion(JsonValue model, string path)
    {
        if (model["name"] is not { Kind: JsonKind.String } name)
        {
            Refuse(model, path + ".name", "the model's name");
        }
        else if (model["props"] is { Kind: JsonKind.Object } properties)
        {
            Expansions.Add(new(name.Text, properties));
        }
        else
        {
            Refuse(model["props"] ?? model, path + ".props", "an object of properties");
        }
    }

    /// <summary>An item of query-cpu-definitions or query-machines; others are left alone.</summary>
    private void TakeItem(JsonValue item, string path)
    {
        if (item["name"] is not { Kind: JsonKind.String } name)
        {
            return;
        }

        if (item["unavailable-features"] is { } unavailable)
        {
            if (!AreNames(unavailable))
            {
                Refuse(unavailable, path + ".unavailable-features", "an array of names");
                return;
            }

            Definitions.Add(new(name.Text, unavailable));
        }
        else if (item["cpu-max"] is not null)
        {
            Machines.Add(name.Text);
            if (item["alias"] is { Kind: JsonKind.String } alias)
            {
                Machines.Add(alias.Text);
            }
        }
    }

    private static bool AreNames(JsonValue names)
    {
        foreach (JsonPlace name in names.EachItem())
        {
            if (name.Kind != JsonKind.String)
            {
                return false;
            }
        }

        return names.Kind == JsonKind.Array;
    }

    private void TakeVersion(JsonValue? version)
    {
        if (version?["qemu"] is { } qemu && qemu["major"] is { } major && qemu["minor"] is { } minor && qemu["micro"] is { } micro)
        {
            Version = $"{major.Text}.{minor.Text}.{micro.Text}";
        }
    }

    private void Refuse(JsonValue at, string path, string expected)
        => _fault ??= new InputFault(_file, expected, at.ToString(), Advice) { ByteOffset = at.Offset, JsonPath = path };
}
