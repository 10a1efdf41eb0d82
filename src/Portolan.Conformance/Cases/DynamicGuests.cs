namespace Portolan.Conformance.Cases;

/// <summary>Guests with a dynamic component, which a process must be permitted to give (contract X22 to X24).</summary>
internal static class DynamicGuests
{
    /// <summary>Asks for the permission; the case is undecided where the process cannot get it.</summary>
    public static bool Permit(CaseRun run)
    {
        foreach (int component in (run.Supported & XFeatureTable.Dynamic).Components())
        {
            KvmAnswer answer = run.System.RequestXcompGuestPermission(component);
            if (!answer.Ok)
            {
                run.Undecided($"this process may not give component {component} to a guest: {answer}");
                return false;
            }
        }

        return true;
    }

    /// <summary>A vCPU with everything that KVM supports, dynamic components too; null, and the case undecided, if it cannot be had.</summary>
    public static CaseVcpu? Vcpu(CaseRun run)
    {
        if (!Permit(run))
        {
            return null;
        }

        KvmAnswer<CpuidTable> table = run.System.GetSupportedCpuid();
        if (!table.Ok)
        {
            run.Undecided($"KVM_GET_SUPPORTED_CPUID: {table}");
            return null;
        }

        return run.Vcpu(table.Value);
    }
}
