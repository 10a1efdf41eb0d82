namespace Portolan.Kvm.Capabilities;

/// <summary>Numbers of KVM_CAP_* (data/kvm/capabilities.tsv).</summary>
public static partial class KvmCapability
{
    // Lazy: the order in which the parts of a partial class are initialised is not defined.
    private static readonly Lazy<Dictionary<uint, string>> Names = new(ByNumber);

    /// <summary>The KVM_CAP_ name of a number; null for a number the table does not have.</summary>
    public static string? NameOf(uint number) => Names.Value.GetValueOrDefault(number);

    private static Dictionary<uint, string> ByNumber() => All.ToDictionary(static row => row.Value, static row => row.Key);
}
