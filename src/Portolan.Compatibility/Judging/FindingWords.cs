namespace Portolan.Compatibility.Judging;

/// <summary>Where a finding shows and the two values, in the manual's notation and by every name people know.</summary>
/// <param name="Place">The place: <c>CPUID.(EAX=07H,ECX=0):EDX[26]</c>, <c>XSTATE_BV[9]</c>, <c>MSR 48BH IA32_VMX_PROCBASED_CTLS2</c>.</param>
/// <param name="Names">The names of what differs there, <c>spec-ctrl (libvirt) spec-ctrl (QEMU)</c>; empty where there is none.</param>
/// <param name="Guest">The guest's value; empty where it has none.</param>
/// <param name="Host">The host's value; empty where it has none.</param>
public sealed record FindingWords(string Place, string Names, string Guest, string Host)
{
    /// <summary>Place and names.</summary>
    public string Where => Names.Length == 0 ? Place : $"{Place} {Names}";

    /// <summary>One line: place, names and both values.</summary>
    public override string ToString()
    {
        string values = (Guest.Length, Host.Length) switch
        {
            (0, 0) => "",
            (_, 0) => $": guest {Guest}",
            (0, _) => $": host {Host}",
            _ => $": guest {Guest}, host {Host}",
        };
        return Where + values;
    }
}
