using System.Text;
using System.Text.Json.Nodes;
using Portolan.Documents.Guests;
using Portolan.Documents.Hosts;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.Testing;

namespace Portolan.Documents.Tests;

/// <summary>The committed examples of version 1. They stay readable forever: change the reader, never an example.</summary>
public sealed class ExampleTests
{
    [FactAttribute]
    public void Host_snapshot_1_reads_and_writes_back_byte_for_byte()
    {
        byte[] bytes = Bytes("host-snapshot-1");

        HostSnapshot host = Accept(HostSnapshotDocument.Read("e", bytes));

        Assert.Equal("sapphire-rapids-6.1", host.Name);
        Assert.Equal(0x602e7UL, host.SupportedXcr0!.Value.Bits);
        Assert.Equal("G9", host.Behaviours["xsave.generation-of-tomorrow"].Value);
        Assert.Equal(1, host.Capabilities!.Value["KVM_CAP_SOMETHING_LATER"]);
        Assert.Equal(
            ["/aFieldOfALaterRelease", "/behaviours/xsave.generation-of-tomorrow/evidence/confidence", "/supportedCpuid/value/0xd.0x2/remark"],
            host.Extensions.Keys);
        Assert.Equal(Encoding.UTF8.GetString(bytes), Encoding.UTF8.GetString(HostSnapshotDocument.Write(host).Span));
    }

    [FactAttribute]
    public void Guest_contract_1_reads_and_writes_back_byte_for_byte()
    {
        byte[] bytes = Bytes("guest-contract-1");

        GuestContract guest = Accept(GuestContractDocument.Read("e", bytes));

        Assert.Equal((2_400_000u, "pc-q35-10.0", 0xe7UL), (guest.TscKhz!.Value, guest.MachineType, guest.PromisedXcr0.Bits));
        Assert.Equal(Encoding.UTF8.GetString(bytes), Encoding.UTF8.GetString(GuestContractDocument.Write(guest).Span));
        Assert.Equal(GuestContractDocument.ContentHash(guest), GuestContractDocument.ContentHash(guest with { Name = "other" }));
    }

    [FactAttribute]
    public void Verdict_1_reads_and_writes_back_byte_for_byte()
    {
        byte[] bytes = Bytes("verdict-1");

        VerdictReport report = Accept(VerdictDocument.Read("e", bytes));

        Assert.Equal("incompatible: 1 blocks", report.Headline);
        Assert.Equal("XSTATE_BV[9] pkru: guest 0x207, host 0x7", report.Findings[0].Words.ToString());
        Assert.NotEmpty(report.Remedies!.Value);
        Assert.Equal(["/aFieldOfALaterRelease", "/findings/0/score", "/remedies/0/steps/0/ticket"], report.Extensions.Keys);
        Assert.Equal(Encoding.UTF8.GetString(bytes), Encoding.UTF8.GetString(VerdictDocument.Write(report).Span));
    }

    [FactAttribute]
    public void Guest_state_1_reads_and_writes_back_what_it_said()
    {
        byte[] bytes = Bytes("guest-state-1");

        GuestState state = Accept(GuestStateDocument.Read("e", bytes));

        VcpuState vcpu = Assert.Single(state.Vcpus);
        Assert.Equal((4096, (byte)3, (KvmMpState?)KvmMpState.Runnable), (vcpu.Xsave.Length, vcpu.Xsave[512], vcpu.MpState));
        Assert.Equal(0xd01UL, vcpu.Sregs!.Value.Registers.Efer);
        Assert.Equal([0xc000_0080u, 0x10u], vcpu.Msrs.Select(static msr => msr.Index));
        Assert.Null(vcpu.Sregs2);
        GuestState again = Accept(GuestStateDocument.Read("e", GuestStateDocument.Write(state)));
        Assert.Equal((vcpu.Regs, vcpu.Sregs, vcpu.Events, vcpu.Xcrs), (again.Vcpus[0].Regs, again.Vcpus[0].Sregs, again.Vcpus[0].Events, again.Vcpus[0].Xcrs));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(bytes), JsonNode.Parse(GuestStateDocument.Write(state).Span)));
    }

    [Theory]
    [InlineData("host-snapshot-1")]
    [InlineData("guest-contract-1")]
    [InlineData("guest-state-1")]
    [InlineData("verdict-1")]
    public void Examples_keep_to_the_shipped_schemas(string name)
        => SchemaCheck.Kept(name, Bytes(name));

    [FactAttribute]
    public void What_is_written_keeps_to_the_shipped_schema()
    {
        SchemaCheck.Kept("host-snapshot-1", HostSnapshotDocument.Write(Hosts.HostSnapshotDocumentTests.Full).Span);
        SchemaCheck.Kept("host-snapshot-1", HostSnapshotDocument.Write(Hosts.HostSnapshotDocumentTests.Partly).Span);
    }

    [Theory]
    [InlineData("host-snapshot-1")]
    [InlineData("guest-contract-1")]
    [InlineData("guest-state-1")]
    [InlineData("verdict-1")]
    public void A_required_field_that_is_missing_is_a_fault_that_names_it(string name)
    {
        JsonObject schema = (JsonObject)JsonNode.Parse(File.ReadAllText(Repository.At("data", "schemas", $"{name}.schema.json")))!;
        foreach (string field in ((JsonArray)schema["required"]!).Select(static node => node!.GetValue<string>()))
        {
            JsonObject document = (JsonObject)JsonNode.Parse(Bytes(name))!;
            document.Remove(field);

            InputFault? fault = FaultOf(name, Encoding.UTF8.GetBytes(document.ToJsonString()));

            Assert.Contains($"the field \"{field}\"", fault?.ToString() ?? "accepted", StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("host-snapshot-1", "\"0x000602e7\"", "\"0x000602E7\"", "$.supportedCpuid.value[20].eax: expected a string \"0x…\" of 1 to 8 lower-case hexadecimal digits")]
    [InlineData("host-snapshot-1", "\"quality\": \"measured\"", "\"quality\": \"guessed\"", "expected \"measured\", \"recorded\" or \"derived\", found \"guessed\"")]
    [InlineData("host-snapshot-1", "\"KVM_CAP_XSAVE2\": 11008", "\"KVM_CAP_XSAVE2\": 110081100811", "expected a whole number from -2147483648 to 2147483647, found 110081100811")]
    [InlineData("host-snapshot-1", "\"2026-11-23T05:00:00Z\"", "\"today\"", "$.takenAt: expected a date")]
    [InlineData("guest-contract-1", "\"tscKhz\": 2400000", "\"tscKhz\": -1", "$.tscKhz: expected a whole number from 0 to 4294967295, found -1")]
    [InlineData("guest-contract-1", "\"enlightenedVmcs\": false", "\"enlightenedVmcs\": 0", "$.enlightenedVmcs: expected true or false, found 0")]
    [InlineData("verdict-1", "\"severity\": \"blocks\"", "\"severity\": \"hurts\"", "$.findings[0].severity: expected one of notes, degrades, breaks, corrupts, blocks, found \"hurts\"")]
    [InlineData("verdict-1", "\"lastHop\": 1", "\"lastHop\": -1", "$.lastHop: expected a whole number from 0 to 65535, found -1")]
    [InlineData("guest-state-1", "\"0xc0000080\"", "\"0x10\"", "MSR 10H a second time")]
    [InlineData("guest-state-1", "\"runnable\"", "\"running\"", "$.vcpus[0].mpState: expected one of runnable, uninitialized, init-received, halted, sipi-received, found \"running\"")]
    public void A_wrong_value_is_a_fault_that_says_where(string name, string from, string to, string expected)
    {
        string text = Encoding.UTF8.GetString(Bytes(name));
        Assert.Contains(from, text, StringComparison.Ordinal);

        InputFault? fault = FaultOf(name, Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));

        Assert.Contains(expected, fault?.ToString() ?? "accepted", StringComparison.Ordinal);
    }

    private static InputFault? FaultOf(string name, byte[] bytes) => name switch
    {
        "host-snapshot-1" => HostSnapshotDocument.Read("e", bytes).Fault,
        "guest-contract-1" => GuestContractDocument.Read("e", bytes).Fault,
        "verdict-1" => VerdictDocument.Read("e", bytes).Fault,
        _ => GuestStateDocument.Read("e", bytes).Fault,
    };

    private static byte[] Bytes(string name) => File.ReadAllBytes(Repository.At("tests", "Portolan.Documents.Tests", "Examples", $"{name}.json"));

    private static T Accept<T>(Reading<T> read)
        where T : class
    {
        Assert.True(read.Ok, read.ToString());
        return read.Value;
    }
}
