using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Formats.CloudHypervisor;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats.Tests.CloudHypervisor;

/// <summary>Files that the tests make from the shapes in Cloud Hypervisor's sources (<see cref="CloudHypervisorFile"/>): what is written is read, and what is no such file is refused at its place.</summary>
public sealed class CloudHypervisorSnapshotTests
{
    private const string First = "$.snapshots[\"cpu-manager\"].snapshots[\"0\"].snapshot_data.state";
    private static readonly CpuidTable Cpuid = CloudHypervisorFile.Example.Cpuid!;

    private static readonly int[] NestedSizes = [0, 128, 4224, 8320];

    private static readonly Gen<VcpuState> Vcpu =
        from numbers in Gen.ULong.Array[64]
        from bytes in Gen.Byte.Array[96]
        from xcrs in Gen.Select(Gen.UInt, Gen.ULong).Array[0, 16]
        from extra in Gen.Int[0, 2000]
        from nested in Gen.Int[0, 3]
        from state in Gen.UInt[0, 4]
        from khz in Gen.UInt
        select Made(numbers, bytes, xcrs, extra, NestedSizes[nested], (KvmMpState)state, khz is 0 ? null : khz);

    [Fact]
    public void What_was_written_is_read()
        => Vcpu.Array[1, 3].Sample(
            static made =>
            {
                VcpuState[] vcpus = [.. made.Select(static (vcpu, id) => vcpu with { Id = (uint)id })];
                CloudHypervisorSnapshot read = Read(CloudHypervisorFile.Of(vcpus)).Value!;

                // A state's document has every field of it.
                Assert.Equal(Document(new GuestState { Vcpus = [.. vcpus] }), Document(read.State));
                Assert.Equal(Cpuid, read.Contract.Cpuid);
            },
            iter: 30);

    [Fact]
    public void Feature_msrs_are_what_was_promised_and_no_state()
    {
        MsrValue capabilities = new(0x10a, 0xd);
        MsrValue vmx = new(0x480, 0x00d8_1000_1111_1213);
        MsrValue star = new(0xc0000081, 0x23_0010_0000_0000);
        CloudHypervisorSnapshot read = Read(CloudHypervisorFile.Of(CloudHypervisorFile.Example with { Msrs = [capabilities, star, vmx] })).Value!;

        Assert.Equal([star], read.State.Vcpus[0].Msrs);
        Assert.Equal([capabilities, vmx], read.Contract.FeatureMsrs);
    }

    [Fact]
    public void Amx_in_the_promise_was_asked_for()
    {
        GuestContract contract = Read(CloudHypervisorFile.Of(CloudHypervisorFile.Example)).Value!.Contract;

        Assert.Equal(0x602e7UL, contract.PromisedXcr0.Bits);
        Assert.Equal(1UL << 18, contract.GuestPermission.Bits);
    }

    [Fact]
    public void Of_two_rows_for_one_leaf_the_first_counts()
    {
        JsonObject vcpu = CloudHypervisorFile.Vcpu(CloudHypervisorFile.Example);
        JsonObject second = (JsonObject)vcpu["cpuid"]![1]!.DeepClone();
        second["eax"] = 0xffffffff;
        ((JsonArray)vcpu["cpuid"]!).Add(second);

        Assert.Equal(Cpuid, Read(WithFirst(vcpu)).Value!.Contract.Cpuid);
    }

    [Theory]
    [InlineData("regs", "[1]", ".Kvm.regs", "an array of 144 numbers", "1")]
    [InlineData("regs", "{\"rax\":1}", ".Kvm.regs", "an array of 144 numbers", "an object")]
    [InlineData("sregs", "null", ".Kvm.sregs", "a value", "null")]
    [InlineData("mp_state", "[5,0,0,0]", ".Kvm.mp_state", "an MP state of x86, 0 to 4", "5")]
    [InlineData("mp_state", "[256,0,0,0]", ".Kvm.mp_state[0]", "a whole number from 0 to 255", "256")]
    [InlineData("tsc_khz", "-1", ".Kvm.tsc_khz", "a whole number from 0 to 4294967295", "-1")]
    [InlineData("msrs", "[{\"index\":16,\"data\":18446744073709551616}]", ".Kvm.msrs[0].data", "a whole number from 0 to 18446744073709551615", "18446744073709551616")]
    [InlineData("msrs", "[{\"index\":16,\"data\":1},{\"index\":16,\"data\":1}]", ".Kvm.msrs[1]", "each MSR once", "MSR 10H a second time")]
    [InlineData("cpuid", "[{\"function\":1}]", ".Kvm.cpuid[0]", "the field \"flags\"", "none")]
    [InlineData("lapic_state", "{\"regs\":[200]}", ".Kvm.lapic_state.regs", "an array of 1024 numbers", "1")]
    [InlineData("xsave", "{\"region\":[]}", ".Kvm.xsave.region", "an array of 1024 numbers", "0")]
    public void A_fault_has_the_place_in_the_vcpu(string member, string value, string path, string expected, string found)
    {
        JsonObject vcpu = CloudHypervisorFile.Vcpu(CloudHypervisorFile.Example);
        vcpu[member] = JsonNode.Parse(value);

        InputFault fault = Read(WithFirst(vcpu)).Fault!;

        Assert.Equal((First + path, expected, found), (fault.JsonPath, fault.Expected, fault.Found));
        Assert.NotNull(fault.ByteOffset);
    }

    [Fact]
    public void Counts_and_sizes_in_the_bytes_are_bounded()
    {
        JsonObject many = CloudHypervisorFile.Vcpu(CloudHypervisorFile.Example);
        many["xcrs"]![0] = 17;
        Assert.Equal(First + ".Kvm.xcrs", Read(WithFirst(many)).Fault!.JsonPath);

        JsonObject nested = CloudHypervisorFile.Vcpu(CloudHypervisorFile.Example with { Nested = NestedOf(128) });
        nested["nested_state"]![7] = 255;
        Assert.Equal(First + ".Kvm.nested_state", Read(WithFirst(nested)).Fault!.JsonPath);
    }

    [Theory]
    [InlineData("{\"snapshots\":{}}", "$.snapshots[\"cpu-manager\"].snapshots")]
    [InlineData("{\"snapshots\":{\"cpu-manager\":{\"snapshots\":{}}}}", "$.snapshots[\"cpu-manager\"].snapshots")]
    [InlineData("{\"snapshots\":{\"cpu-manager\":{\"snapshots\":{\"a\":{}}}}}", "$.snapshots[\"cpu-manager\"].snapshots[\"a\"]")]
    [InlineData("{\"snapshots\":{\"cpu-manager\":{\"snapshots\":{\"0\":{\"snapshot_data\":{\"vcpu0-section\":{\"snapshot\":[123]}}}}}}}", First)]
    [InlineData("{\"snapshots\":{\"cpu-manager\":{\"snapshots\":{\"0\":{\"snapshot_data\":{\"state\":\"{}\"}}}}}}", First)]
    [InlineData("{\"snapshots\":{\"cpu-manager\":{\"snapshots\":{\"0\":{\"snapshot_data\":{\"state\":\"{\\\"Mshv\\\":{}}\"}}}}}}", First)]
    [InlineData("{\"snapshots\":{\"cpu-manager\":{\"snapshots\":{\"0\":{\"snapshot_data\":{\"state\":\"{\"}}}}}}", First)]
    public void What_has_no_kvm_vcpu_is_refused_at_its_place(string json, string path)
    {
        InputFault fault = Read(Encoding.UTF8.GetBytes(json)).Fault!;

        Assert.Equal(path, fault.JsonPath);
        Assert.DoesNotContain('\n', fault.ToString());
    }

    private static VcpuState Made(ulong[] n, byte[] b, (uint, ulong)[] xcrs, int extra, int nested, KvmMpState state, uint? khz) => new()
    {
        Cpuid = Cpuid,
        Msrs = [.. n.Take(20).Select(static (value, i) => new MsrValue(0xc0000080 + (uint)i, value))],
        Regs = new KvmRegs(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13], n[14], n[15], n[16], n[17]),
        Sregs = new KvmSregs(
            new KvmSystemRegisters(
                Segment(n, b, 0), Segment(n, b, 1), Segment(n, b, 2), Segment(n, b, 3), Segment(n, b, 4), Segment(n, b, 5), Segment(n, b, 6), Segment(n, b, 7),
                new KvmDescriptorTable(n[26], (ushort)(n[27] & 0xffff)), new KvmDescriptorTable(n[28], (ushort)(n[29] & 0xffff)),
                n[30], n[31], n[32], n[33], n[34], n[35], n[36]),
            new KvmInterruptBitmap(n[37], n[38], n[39], n[40])),
        Events = new KvmVcpuEvents(
            b[0], b[1], b[2], b[3], (uint)(n[41] & uint.MaxValue), b[4], b[5], b[6], b[7], b[8], b[9], b[10], (uint)(n[42] & uint.MaxValue), (uint)(n[43] & uint.MaxValue),
            b[11], b[12], b[13], b[14], b[15], b[16], n[44]),
        Xcrs = new KvmXcrs(0, [.. xcrs.Select(static xcr => new KvmXcr(xcr.Item1, xcr.Item2))]),
        Xsave = [.. Enumerable.Range(0, 4096 + (4 * extra)).Select(i => b[i % b.Length])],
        Lapic = [.. Enumerable.Range(0, 1024).Select(i => b[(i + 7) % b.Length])],
        Nested = NestedOf(nested),
        MpState = state,
        TscKhz = khz,
    };

    private static KvmSegment Segment(ulong[] n, byte[] b, int i)
        => new(n[18 + i], (uint)(n[45 + i] & uint.MaxValue), (ushort)(n[46 + i] & 0xffff), b[8 * i], b[(8 * i) + 1], b[(8 * i) + 2], b[(8 * i) + 3], b[(8 * i) + 4], b[(8 * i) + 5], b[(8 * i) + 6], b[(8 * i) + 7], b[70 + i]);

    private static ImmutableArray<byte> NestedOf(int size)
    {
        byte[] bytes = new byte[size];
        if (size > 0)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), size);
        }

        return [.. bytes];
    }

    private static byte[] WithFirst(JsonObject vcpu) => CloudHypervisorFile.Of(new JsonObject { ["0"] = CloudHypervisorFile.Leaf(new JsonObject { ["Kvm"] = vcpu }) });

    private static string Document(GuestState state) => Encoding.UTF8.GetString(GuestStateDocument.Write(state).Span);

    private static Reading<CloudHypervisorSnapshot> Read(byte[] bytes) => CloudHypervisorSnapshot.Read(new ImportRequest("state.json", bytes));
}
