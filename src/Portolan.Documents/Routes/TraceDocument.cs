using System.Collections.Immutable;
using System.Text.Json;
using Portolan.Documents.Json;
using Portolan.Kvm.Routes;
using Portolan.X86.Xsave;

namespace Portolan.Documents.Routes;

/// <summary>A trace as a document of schema <c>portolan/trace/1</c>: written, not read.</summary>
public static class TraceDocument
{
    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(RouteTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        using DocumentWriter writer = new(DocumentKind.Trace);
        WriteMembers(writer, trace);
        return writer.Finish();
    }

    /// <summary>The members of one trace, into an object that is open.</summary>
    public static void WriteMembers(DocumentWriter writer, RouteTrace trace)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(trace);
        writer.Strings("hosts", trace.Hosts);
        writer.Text("end", Camel(trace.End.ToString()));
        writer.Number("endHop", trace.EndHop);
        writer.Text("headline", RouteSummary.Headline(trace));
        writer.Strings("facts", RouteSummary.Facts(trace));
        writer.Strings("missingFacts", trace.MissingFacts);
        Components(writer.Json, trace.Components);
        Promises(writer, trace.MissingPromises);
        Moved(writer, trace.MovedComponents);
        Changes(writer, "msrsLeftOut", trace.MsrsLeftOut);
        Changes(writer, "msrsFiltered", trace.MsrsFiltered);
        Changes(writer, "guestVisibleChanges", trace.VisibleChanges);
        writer.Strings("neverLoaded", [.. trace.NeverLoaded.Select(part => Camel(part.ToString()))]);
        Steps(writer, trace.Steps);
    }

    private static void Components(Utf8JsonWriter json, ImmutableArray<ComponentAt> components)
    {
        json.WriteStartArray("components");
        foreach (ComponentAt at in components)
        {
            json.WriteStartObject();
            json.WriteNumber("hop", at.Hop);
            json.WriteNumber("component", at.Component);
            json.WriteString("name", XFeatureTable.TryFind(at.Component, out XFeature? feature) ? feature.Name : null);
            json.WriteString("fate", Camel(at.Fate.ToString()));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Promises(DocumentWriter writer, ImmutableArray<MissingPromise> promises)
    {
        writer.Objects("missingPromises", promises, promise =>
        {
            writer.Number("hop", promise.Hop);
            writer.Text("feature", promise.Feature.Name);
            writer.Text("where", promise.Feature.ToString());
            writer.Hex("promised", promise.Promised);
            writer.Hex("offered", promise.Offered);
        });
    }

    private static void Moved(DocumentWriter writer, ImmutableArray<MovedComponent> components)
    {
        writer.Objects("movedComponents", components, moved =>
        {
            writer.Number("hop", moved.Hop);
            writer.Number("component", moved.Component);
            writer.Number("savedOffset", moved.Saved.Offset);
            writer.Number("savedSize", moved.Saved.Size);
            writer.Number("readOffset", moved.Read?.Offset);
            writer.Number("readSize", moved.Read?.Size);
        });
    }

    private static void Changes(DocumentWriter writer, string name, ImmutableArray<GuestVisibleChange> changes)
    {
        writer.Json.WriteStartArray(name);
        foreach (GuestVisibleChange change in changes)
        {
            writer.Json.WriteStartObject();
            writer.Number("hop", change.Hop);
            writer.Hex("msr", change.Index);
            writer.Text("name", RouteSummary.MsrName(change.Index));
            writer.Hex("before", change.Before);
            writer.Hex("after", change.After);
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
    }

    private static void Steps(DocumentWriter writer, ImmutableArray<RouteStep> steps)
    {
        writer.Objects("steps", steps, step =>
        {
            writer.Number("hop", step.Hop);
            writer.Text("host", step.Host);
            writer.Text("phase", Camel(step.Phase.ToString()));
            writer.Text("call", step.Call);
            writer.Text("essentials", step.Essentials);
            writer.Text("answer", step.Answer.ToString());
            writer.Json.WriteBoolean("refused", step.Refused);
            writer.Text("clause", step.Answer.Rule?.Id);
        });
    }

    private static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];
}
