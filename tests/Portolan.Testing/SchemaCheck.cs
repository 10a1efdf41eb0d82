using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Portolan.Testing;

/// <summary>The part of JSON Schema (draft 2020-12) that the shipped schemas use; a keyword it does not know is an error.</summary>
public sealed class SchemaCheck
{
    private static readonly HashSet<string> Ignored = ["$schema", "$id", "title", "description", "$defs"];

    private readonly JsonObject _schema;
    private readonly List<string> _problems = [];

    private SchemaCheck(JsonObject schema) => _schema = schema;

    /// <summary>A document, which keeps to a shipped schema.</summary>
    /// <param name="schema">The schema, as <c>verdict-1</c>.</param>
    /// <param name="document">The document's bytes.</param>
    public static JsonNode Kept(string schema, ReadOnlySpan<byte> document)
    {
        JsonObject rules = (JsonObject)JsonNode.Parse(File.ReadAllText(Repository.At("data", "schemas", schema + ".schema.json")))!;
        JsonNode node = JsonNode.Parse(document)!;
        SchemaCheck check = new(rules);
        check.Check(rules, node, "$");
        Assert.Empty(check._problems);
        return node;
    }

    private void Check(JsonObject rule, JsonNode? value, string path)
    {
        foreach ((string keyword, JsonNode? argument) in rule)
        {
            if (!Ignored.Contains(keyword) && !Holds(rule, keyword, argument!, value, path))
            {
                _problems.Add($"{path}: {keyword} {argument!.ToJsonString()} does not hold for {value?.ToJsonString() ?? "null"}");
            }
        }
    }

    private bool Holds(JsonObject rule, string keyword, JsonNode argument, JsonNode? value, string path)
    {
        switch (keyword)
        {
            case "$ref":
                Check((JsonObject)_schema["$defs"]![argument.GetValue<string>()["#/$defs/".Length..]]!, value, path);
                return true;
            case "type":
                return argument is JsonArray types ? types.Any(type => Is(type!.GetValue<string>(), value)) : Is(argument.GetValue<string>(), value);
            case "const":
                return JsonNode.DeepEquals(argument, value);
            case "enum":
                return ((JsonArray)argument).Any(one => JsonNode.DeepEquals(one, value));
            case "pattern":
                return value is not JsonValue text || !Is("string", value) || Regex.IsMatch(text.GetValue<string>(), argument.GetValue<string>());
            case "minimum":
                return !Is("integer", value) || value!.GetValue<decimal>() >= argument.GetValue<decimal>();
            case "maximum":
                return !Is("integer", value) || value!.GetValue<decimal>() <= argument.GetValue<decimal>();
            case "minItems":
                return value is not JsonArray few || few.Count >= argument.GetValue<int>();
            case "maxItems":
                return value is not JsonArray many || many.Count <= argument.GetValue<int>();
            case "required":
                return value is not JsonObject members || ((JsonArray)argument).All(name => members.ContainsKey(name!.GetValue<string>()));
            case "items":
                CheckItems((JsonObject)argument, value as JsonArray, path);
                return true;
            case "properties":
                CheckMembers((JsonObject)argument, value as JsonObject, path);
                return true;
            case "additionalProperties":
                CheckOthers(rule, (JsonObject)argument, value as JsonObject, path);
                return true;
            default:
                throw new NotSupportedException(keyword);
        }
    }

    private void CheckItems(JsonObject rule, JsonArray? items, string path)
    {
        for (int i = 0; i < (items?.Count ?? 0); i++)
        {
            Check(rule, items![i], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"));
        }
    }

    private void CheckMembers(JsonObject rules, JsonObject? members, string path)
    {
        foreach ((string name, JsonNode? rule) in rules)
        {
            if (members?.ContainsKey(name) == true)
            {
                Check((JsonObject)rule!, members[name], $"{path}.{name}");
            }
        }
    }

    private void CheckOthers(JsonObject rule, JsonObject others, JsonObject? members, string path)
    {
        foreach ((string name, JsonNode? value) in members ?? [])
        {
            if (rule["properties"] is not JsonObject named || !named.ContainsKey(name))
            {
                Check(others, value, $"{path}.{name}");
            }
        }
    }

    private static bool Is(string type, JsonNode? value) => type switch
    {
        "null" => value is null,
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => value?.GetValueKind() == System.Text.Json.JsonValueKind.String,
        "boolean" => value?.GetValueKind() is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False,
        "integer" => value?.GetValueKind() == System.Text.Json.JsonValueKind.Number && value.GetValue<decimal>() % 1 == 0,
        _ => throw new NotSupportedException(type),
    };
}
