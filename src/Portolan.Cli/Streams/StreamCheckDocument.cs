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
        writer.Json.WriteStartArray("vcpus");
        foreach (JudgedVcpu vcpu in answer.Guest.Vcpus)
        {
            writer.Json.WriteStartObject();
            writer.Number("id", vcpu.Id);
            writer.Text("xstateBv", vcpu.XstateBv?.ToString());
            writer.Text("xcr0", vcpu.Xcr0?.ToString());
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
        writer.Json.WriteStartArray("hosts");
        foreach (StreamJudgement judgement in answer.Judgements)
        {
            writer.Json.WriteStartObject();
            writer.Text("name", judgement.Host);
            writer.Text("disagreement", judgement.Disagreement);
            writer.Json.WriteStartArray("droppedMsrs");
            foreach (DroppedMsr dropped in judgement.Dropped)
            {
                writer.Json.WriteStartObject();
                writer.Number("vcpu", dropped.Vcpu);
                writer.Hex("index", dropped.Msr.Index);
                writer.Hex("value", dropped.Msr.Value);
                writer.Json.WriteEndObject();
            }

            writer.Json.WriteEndArray();
            writer.Json.WriteStartArray("unjudged");
            foreach (UnjudgedState state in judgement.Unjudged)
            {
                writer.Json.WriteStartObject();
                writer.Number("vcpu", state.Vcpu);
                writer.Text("what", state.What);
                writer.Text("why", state.Why);
                writer.Json.WriteEndObject();
            }

            writer.Json.WriteEndArray();
            writer.Json.WriteStartObject("answer");
            VerdictDocument.WriteMembers(writer, judgement.Report);
            writer.Json.WriteEndObject();
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
        return writer.Finish();
    }
}
