using System.CommandLine;
using System.CommandLine.Parsing;
using Portolan.Kvm.Guest.Definition;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Guest;

/// <summary>The options that say what is wanted of a guest.</summary>
internal sealed class GuestRequestOptions
{
    private readonly Option<string[]> _without = new("--without")
    {
        Description = "Features to leave out, by libvirt's, QEMU's or Linux's name, or state components; what needs them goes, too.",
        HelpName = "FEATURE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _permit = new("--permit")
    {
        Description = "Dynamic state components to ask permission for: amx-tile.",
        HelpName = "COMPONENT",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<bool> _hyperv = new("--hyperv") { Description = "Promise the Hyper-V features KVM supports." };
    private readonly Option<bool> _evmcs = new("--evmcs") { Description = "Enable the enlightened VMCS; implies --hyperv." };
    private readonly Option<string?> _perfGlobalCtrl = new("--evmcs-perf-global-ctrl")
    {
        Description = "PERF_GLOBAL_CTRL in the enlightened VMCS, CPUID.4000000AH:EBX[0]: on or off; without it what the host offers.",
        HelpName = "on|off",
    };

    private readonly Option<uint?> _tscKhz = new("--tsc-khz") { Description = "A fixed TSC frequency.", HelpName = "N" };
    private readonly Option<string?> _machine = new("--machine") { Description = "The VMM's machine type.", HelpName = "TYPE" };
    private readonly Option<string?> _name = new("--name") { Description = "The guest's name.", HelpName = "NAME" };

    public void AddTo(Command command)
    {
        _perfGlobalCtrl.AcceptOnlyFromAmong("on", "off");
        _permit.Validators.Add(static result =>
        {
            foreach (string name in result.Tokens.Select(static token => token.Value).Where(static name => ComponentOf(name) is null))
            {
                result.AddError($"'{name}' is no dynamic state component; there is {XFeatureTable.Names(XFeatureTable.Dynamic)}");
            }
        });
        foreach (Option option in (Option[])[_without, _permit, _hyperv, _evmcs, _perfGlobalCtrl, _tscKhz, _machine, _name])
        {
            command.Add(option);
        }
    }

    /// <summary>Is anything asked for but a machine type and a name?</summary>
    public bool SaysMore(CommandResult result)
        => result.GetValue(_without) is { Length: > 0 } || result.GetValue(_permit) is { Length: > 0 } || result.GetValue(_hyperv) || result.GetValue(_evmcs)
            || result.GetValue(_perfGlobalCtrl) is not null || result.GetValue(_tscKhz) is not null;

    public GuestRequest Of(ParseResult parsed) => new()
    {
        Name = parsed.GetValue(_name),
        Without = [.. parsed.GetValue(_without) ?? []],
        Permission = (parsed.GetValue(_permit) ?? []).Aggregate(XFeatureMask.None, static (mask, name) => mask | (ComponentOf(name) ?? XFeatureMask.None)),
        Hyperv = parsed.GetValue(_hyperv),
        EnlightenedVmcs = parsed.GetValue(_evmcs),
        EvmcsPerfGlobalCtrl = parsed.GetValue(_perfGlobalCtrl) switch { "on" => true, "off" => false, _ => null },
        TscKhz = parsed.GetValue(_tscKhz),
        MachineType = parsed.GetValue(_machine),
    };

    /// <summary>A dynamic component by its own name, its number, or a CPUID feature's that needs it (amx-tile).</summary>
    private static XFeatureMask? ComponentOf(string name)
    {
        foreach (int component in XFeatureTable.Dynamic.Components())
        {
            if (XFeatureTable.TryFind(component, out XFeature? feature)
                && (feature.Name == name || feature.Needs.Contains(name) || feature.Features.Any(needed => needed.IsCalled(name))))
            {
                return feature.Mask;
            }
        }

        return null;
    }
}
