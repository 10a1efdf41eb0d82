using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;

namespace Portolan.Compatibility.Clauses;

/// <summary>The VMM: its product, its version, its machine types.</summary>
internal static class VmmClauses
{
    private static readonly Subject Vmm = new(SubjectKind.Vmm);

    /// <summary>Judges the VMM of a host against the contract and the host before.</summary>
    public static void Judge(GuestContract contract, HostSnapshot here, HostSnapshot? before, HopReport report)
    {
        if (contract.MachineType is { } machine)
        {
            MachineType(machine, here, report);
        }

        if (before?.Vmm is not { } source || here.Vmm is not { } own)
        {
            return;
        }

        (string product, Version? version) = Parse(source.Value);
        (string ownProduct, Version? ownVersion) = Parse(own.Value);
        if (!string.Equals(product, ownProduct, StringComparison.OrdinalIgnoreCase))
        {
            report.Add(Text(ClauseTable.VmmProduct, report.Hop, source.Value, own.Value));
        }
        else if (version is not null && ownVersion is not null && ownVersion < version)
        {
            report.Add(Text(ClauseTable.VmmOlder, report.Hop, source.Value, own.Value));
        }
    }

    private static void MachineType(string machine, HostSnapshot here, HopReport report)
    {
        if (here.MachineTypes is not { } known)
        {
            report.Missing("machineTypes", ClauseTable.VmmMachineType);
        }
        else if (!known.Value.Contains(machine))
        {
            report.Add(Text(ClauseTable.VmmMachineType, report.Hop, machine, here.Vmm?.Value ?? "the VMM"));
        }
    }

    private static Finding Text(Kvm.RefusalRule rule, int hop, string guest, string host)
        => new(rule, ClauseTable.Find(rule.Id)!.Severity, hop, Vmm) { GuestText = guest, HostText = host };

    /// <summary>A product and its version: the first word with a digit at its beginning, as in <c>qemu 10.0.2</c>.</summary>
    public static (string Product, Version? Version) Parse(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string? number = words.FirstOrDefault(static word => word.TrimStart('v') is [>= '0' and <= '9', ..]);
        string digits = new([.. (number ?? "").TrimStart('v').TakeWhile(static letter => char.IsAsciiDigit(letter) || letter == '.')]);
        return (words.FirstOrDefault() ?? text, Version.TryParse(digits.TrimEnd('.'), out Version? version) ? version : null);
    }
}
