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
internal sealed class QmpAnswers : IDisposable
{
    private const string Advice = "write the replies again as the monitor sends them";

    private readonly string _file;
    private readonly JsonText _text;
    private InputFault? _fault;

    private QmpAnswers(string file, JsonText text)
    {
        _file = file;
        _text = text;
    }

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

    /// <summary>Reads the answers, whose values are there until they are disposed of.</summary>
    public static Reading<QmpAnswers> Read(string file, ReadOnlyMemory<byte> bytes)
    {
        Reading<JsonText> text = JsonText.Read(file, bytes, isSequence: true);
        if (!text.Ok)
        {
            return Reading.Refused<QmpAnswers>(text.Fault);
        }

        QmpAnswers answers = new(file, text.Value);
        IReadOnlyList<JsonValue> documents = text.Value.Values();
        for (int i = 0; i < documents.Count && answers._fault is null; i++)
        {
            answers.TakeDocument(documents[i], string.Create(CultureInfo.InvariantCulture, $"$[{i}]"));
        }

        if (answers._fault is not { } fault)
        {
            return Reading.Of(answers);
        }

        answers.Dispose();
        return Reading.Refused<QmpAnswers>(fault with { Line = JsonParser.LineOf(bytes.Span, (int)fault.ByteOffset!.Value) });
    }

    /// <inheritdoc/>
    public void Dispose() => _text.Dispose();

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
            int number = 0;
            foreach (JsonPlace item in answer.Place.EachItem())
            {
                TakeItem(item, path, number++);
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
    private void TakeItem(JsonPlace item, string path, int number)
    {
        string? name = null;
        string? alias = null;
        JsonValue? unavailable = null;
        bool isMachine = false;
        foreach (JsonMemberPlace member in item.EachMember())
        {
            if (member.Name.Is("name"))
            {
                name = member.Value.Kind == JsonKind.String ? member.Value.Text : null;
            }
            else if (member.Name.Is("unavailable-features"))
            {
                unavailable = member.Value.ToValue();
            }
            else if (member.Name.Is("alias"))
            {
                alias = member.Value.Kind == JsonKind.String ? member.Value.Text : null;
            }
            else
            {
                isMachine |= member.Name.Is("cpu-max");
            }
        }

        if (name is null)
        {
            return;
        }

        if (unavailable is not null && !AreNames(unavailable))
        {
            Refuse(unavailable, string.Create(CultureInfo.InvariantCulture, $"{path}[{number}].unavailable-features"), "an array of names");
        }
        else if (unavailable is not null)
        {
            Definitions.Add(new(name, unavailable));
        }
        else if (isMachine)
        {
            Machines.Add(name);
            Machines.AddRange(alias is null ? [] : [alias]);
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
