using System.Globalization;
using Portolan.Documents;
using Portolan.Documents.Json;

namespace Portolan.Formats.Qmp;

/// <summary>An answer to query-cpu-model-expansion.</summary>
/// <param name="Model">The model the answer names: <c>base</c> for a static expansion, else the model that was asked about.</param>
/// <param name="Properties">Its properties.</param>
internal sealed record ModelExpansion(string Model, JsonValue Properties);

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

    /// <summary>The answers to query-cpu-definitions in which a model names what it lacks, as they stand.</summary>
    public List<JsonValue> Definitions { get; } = [];

    /// <summary>Does the <c>host</c> model lack <c>kvm</c>, as where QEMU does not use it?</summary>
    public bool HostLacksKvm { get; private set; }

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
            TakeList(answer, path);
        }
    }

    /// <summary>The items of query-cpu-definitions or query-machines; others are left alone.</summary>
    private void TakeList(JsonValue list, string path)
    {
        int number = 0;
        bool definesModels = false;
        foreach (JsonPlace item in list.EachItem())
        {
            definesModels |= TakeItem(item, path, number++);
        }

        if (definesModels)
        {
            Definitions.Add(list);
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

    /// <summary>What a model lacks is where it names that.</summary>
    public static bool TryFindUnavailable(JsonPlace model, out JsonPlace unavailable)
    {
        foreach (JsonMemberPlace member in model.EachMember())
        {
            if (member.Name.Is("unavailable-features"u8))
            {
                unavailable = member.Value;
                return true;
            }
        }

        unavailable = default;
        return false;
    }

    /// <summary>Takes a machine or a model; true where it is a model that names what it lacks.</summary>
    private bool TakeItem(JsonPlace item, string path, int number)
    {
        JsonPlace name = default;
        JsonPlace alias = default;
        bool isMachine = false;
        foreach (JsonMemberPlace member in item.EachMember())
        {
            if (member.Name.Is("name"u8))
            {
                name = member.Value;
            }
            else if (member.Name.Is("alias"u8))
            {
                alias = member.Value;
            }
            else
            {
                isMachine |= member.Name.Is("cpu-max"u8);
            }
        }

        if (!name.IsString)
        {
            return false;
        }

        if (TryFindUnavailable(item, out JsonPlace unavailable))
        {
            TakeUnavailable(name, unavailable, path, number);
            return true;
        }

        if (isMachine)
        {
            Machines.Add(name.Text);
            Machines.AddRange(alias.IsString ? [alias.Text] : []);
        }

        return false;
    }

    private void TakeUnavailable(JsonPlace model, JsonPlace unavailable, string path, int number)
    {
        bool areNames = unavailable.Kind == JsonKind.Array;
        bool lacksKvm = false;
        foreach (JsonPlace name in unavailable.EachItem())
        {
            areNames &= name.IsString;
            lacksKvm |= name.Is("kvm"u8);
        }

        if (!areNames)
        {
            Refuse(unavailable.ToValue(), string.Create(CultureInfo.InvariantCulture, $"{path}[{number}].unavailable-features"), "an array of names");
        }

        HostLacksKvm |= lacksKvm && model.Is("host"u8);
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
