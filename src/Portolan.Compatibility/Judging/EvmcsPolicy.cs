namespace Portolan.Compatibility.Judging;

/// <summary>How a difference of eVMCS behaviour is judged.</summary>
public enum EvmcsPolicy
{
    /// <summary>Only what this hardware can show decides: the values that the guest reads and the entries that are refused.</summary>
    Exact,

    /// <summary>What was requested must exist on both sides, whatever the hardware.</summary>
    Strict,
}
