using CsCheck;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Msr;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Msr;

/// <summary>KVM_GET_MSRS and KVM_SET_MSRS of many MSRs do what so many calls of one MSR each do, up to the first refusal.</summary>
public sealed class MsrBatchTests
{
    private const uint NoSuchMsr = 0x12345;

    [Theory]
    [InlineData("skx", "5.10.218")]
    [InlineData("skx", "6.1.192")]
    [InlineData("skx", "6.12.117")]
    [InlineData("amd", "6.12.117")]
    public void A_batch_in_any_order_is_its_single_accesses(string cpu, string release)
    {
        HostSnapshot host = cpu == "amd" ? Hosts.AmdMax(release) : Hosts.Skx(release);
        ModelSystem system = Bench.System(host);
        uint[] listed = [.. system.GetMsrIndexList().Value, .. system.GetMsrFeatureIndexList().Value, NoSuchMsr];
        Gen<ulong> value = Gen.OneOf(Gen.Const(0ul), Gen.ULong[0, 8], Gen.ULong);
        Gen<(int Start, int Count)> stretch = Gen.Select(Gen.Int[0, listed.Length - 1], Gen.Int[1, listed.Length]);
        Gen.Select(Gen.Shuffle(listed), stretch, value.Array[listed.Length * 2], Gen.Bool, Gen.Bool, Gen.Bool).Sample((shuffled, part, values, ordered, hasCpuid, enforced) =>
        {
            IEnumerable<uint> asked = (ordered ? listed : shuffled).Skip(part.Start).Take(part.Count);
            MsrValue[] entries = [.. asked.Select((index, i) => new MsrValue(index, values[i]))];
            IKvmVcpu batch = Vcpu(system, host, hasCpuid, enforced);
            IKvmVcpu single = Vcpu(system, host, hasCpuid, enforced);

            Assert.Equal(Singly(single, entries, (vcpu, one) => vcpu.SetMsrs(one)), (batch.SetMsrs(entries), batch.LastMsrRefusal));
            MsrValue[] all = [.. listed.Select(index => new MsrValue(index, 0))];
            foreach (MsrValue[] read in new[] { all, entries })
            {
                MsrValue[] one = [.. read];
                Assert.Equal(Singly(single, one, (vcpu, only) => vcpu.GetMsrs(only)), (batch.GetMsrs(read), batch.LastMsrRefusal));
                Assert.Equal(one, read);
            }
        });
    }

    private static (KvmAnswer<int> Answer, RefusalRule? Rule) Singly(IKvmVcpu vcpu, MsrValue[] entries, Func<IKvmVcpu, MsrValue[], KvmAnswer<int>> access)
    {
        for (int i = 0; i < entries.Length; i++)
        {
            MsrValue[] one = [entries[i]];
            KvmAnswer<int> answer = access(vcpu, one);
            if (answer.ValueOr(0) == 0)
            {
                return (answer.Ok ? i : answer, vcpu.LastMsrRefusal);
            }

            entries[i] = one[0];
        }

        return (entries.Length, null);
    }

    private static IKvmVcpu Vcpu(ModelSystem system, HostSnapshot host, bool hasCpuid, bool enforced)
    {
        IKvmVcpu vcpu = Bench.Vcpu(system, hasCpuid ? Hosts.Guest(host) : null);
        if (enforced)
        {
            _ = vcpu.EnableCapability(KvmCapability.EnforcePvFeatureCpuid, 1);
        }

        return vcpu;
    }
}
