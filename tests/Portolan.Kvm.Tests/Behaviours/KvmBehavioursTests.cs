using Portolan.Kvm.Behaviours;
using Xunit;

namespace Portolan.Kvm.Tests.Behaviours;

public sealed class KvmBehavioursTests
{
    [Fact]
    public void Every_eVMCS_filter_that_a_kernel_may_have_is_a_span_of_its_own()
    {
        string[] filters = [.. BehaviourTable.All.Where(static row => row.Id == "evmcs.filter").Select(static row => row.Value)];

        Assert.NotEmpty(filters);
        Assert.All(filters, static filter => Assert.NotNull(KvmBehaviours.Unknown.With("evmcs.filter", filter).EvmcsSpan));
        Assert.Equal(filters.Length, filters.Select(static filter => KvmBehaviours.Unknown.With("evmcs.filter", filter).EvmcsSpan).Distinct().Count());
        Assert.Null(KvmBehaviours.Unknown.EvmcsSpan);
    }
}
