using System.Text.Json;

namespace Portolan.Streams.Rewrite;

/// <summary>Takes dropped subsections out of a description's JSON, byte for byte nothing else.</summary>
internal static class DescriptionEdit
{
    private const string Section = "cpu";

    /// <summary>The edits at their offsets in the stream; null where the description does not list what is dropped.</summary>
    public static List<StreamEdit>? Without(ReadOnlySpan<byte> json, IReadOnlyList<(uint Instance, string Subsection)> dropped, long offset)
    {
        try
        {
            return Cuts(json, dropped, offset);
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            return null; // Texts that are not UTF-8, or members of another type where nothing else reads them.
        }
    }

    private static List<StreamEdit>? Cuts(ReadOnlySpan<byte> json, IReadOnlyList<(uint Instance, string Subsection)> dropped, long offset)
    {
        List<StreamEdit> edits = [];
        foreach (IGrouping<uint, string> device in dropped.GroupBy(static one => one.Instance, static one => one.Subsection))
        {
            if (Elements(json, device.Key) is not { } array || !device.All(name => array.Items.Any(item => item.Name == name)))
            {
                return null;
            }

            if (array.Items.All(item => device.Contains(item.Name)))
            {
                // QEMU does not write an empty list: the member goes with the comma before it.
                edits.Add(Cut(offset, CommaBefore(json, array.Member), array.End));
                continue;
            }

            for (int i = 0; i < array.Items.Count; i++)
            {
                if (device.Contains(array.Items[i].Name))
                {
                    bool keepsOneBefore = array.Items.Take(i).Any(item => !device.Contains(item.Name));
                    edits.Add(keepsOneBefore
                        ? Cut(offset, array.Items[i - 1].End, array.Items[i].End)
                        : Cut(offset, array.Items[i].Start, array.Items[i + 1].Start));
                }
            }
        }

        return edits;
    }

    private static StreamEdit Cut(long offset, int start, int end) => new(offset + start, end - start, []);

    private static int CommaBefore(ReadOnlySpan<byte> json, int member) => json[..member].LastIndexOf((byte)',');

    /// <summary>The list of a vCPU's subsections: where its member begins, where it ends, and its items.</summary>
    private static (int Member, int End, List<(string Name, int Start, int End)> Items)? Elements(ReadOnlySpan<byte> json, uint instance)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 64 });
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 && reader.ValueTextEquals("devices"u8))
            {
                reader.Read();
                return InDevices(ref reader, instance);
            }
        }

        return null;
    }

    private static (int, int, List<(string, int, int)>)? InDevices(ref Utf8JsonReader reader, uint instance)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            (int, int, List<(string, int, int)>)? found = null;
            string? name = null;
            long id = -1;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                int member = (int)reader.TokenStartIndex;
                string property = reader.GetString()!;
                reader.Read();
                name = property == "name" ? reader.GetString() : name;
                id = property == "instance_id" ? reader.GetInt64() : id;
                if (property == "subsections")
                {
                    List<(string, int, int)> items = Items(ref reader);
                    found = (member, (int)reader.BytesConsumed, items);
                }
                else
                {
                    reader.Skip();
                }
            }

            if (name == Section && id == instance)
            {
                return found;
            }
        }

        return null;
    }

    private static List<(string, int, int)> Items(ref Utf8JsonReader reader)
    {
        List<(string, int, int)> items = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            int start = (int)reader.TokenStartIndex;
            string name = "";
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isName = reader.ValueTextEquals("vmsd_name"u8);
                reader.Read();
                name = isName ? reader.GetString() ?? "" : name;
                reader.Skip();
            }

            items.Add((name, start, (int)reader.BytesConsumed));
        }

        return items;
    }
}
