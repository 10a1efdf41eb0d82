using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Documents.Verdicts;

namespace Portolan.Cli.Streams;

/// <summary>A stream's check as a document of schema <c>portolan/stream-check/1</c>: written, not read.</summary>
internal static class StreamCheckDocument
{
    public static ReadOnlyMemory<byte> Write(StreamCheckAnswer answer)
    {
        using DocumentWriter writer = new(DocumentKind.StreamCheck);
        writer.Text("machineType", answer.Guest.MachineType);
        writer.Json.WriteBoolean("contractGiven", answer.Guest.Promise.Contract is not null);
        writer.Objects("vcpus", answer.Guest.Vcpus, vcpu =>
        {
            writer.Number("id", vcpu.Id);
            writer.Text("xstateBv", vcpu.XstateBv?.ToString());
            writer.Text("xcr0", vcpu.Xcr0?.ToString());
        });
        writer.Objects("hosts", answer.Judgements, judgement =>
        {
            writer.Text("name", judgement.Host);
            writer.Text("disagreement", judgement.Disagreement);
            writer.Objects("droppedMsrs", judgement.Dropped, dropped =>
            {
                writer.Number("vcpu", dropped.Vcpu);
                writer.Hex("index", dropped.Msr.Index);
                writer.Hex("value", dropped.Msr.Value);
            });
            writer.Objects("unjudged", judgement.Unjudged, state =>
            {
                writer.Number("vcpu", state.Vcpu);
                writer.Text("what", state.What);
                writer.Text("why", state.Why);
            });
            writer.Json.WriteStartObject("answer");
            VerdictDocument.WriteMembers(writer, judgement.Report);
            writer.Json.WriteEndObject();
        });
        return writer.Finish();
    }
}
