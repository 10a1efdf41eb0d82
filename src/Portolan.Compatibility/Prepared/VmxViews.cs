using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Capture;

namespace Portolan.Compatibility.Prepared;

/// <summary>
/// What a guest that is a hypervisor comes to by reading its VMX capability MSRs on another host: by the host's <see cref="VmxViewKey"/>,
/// found by its first host with that key and kept.
/// </summary>
internal sealed class VmxViews(Departure guest)
{
    private const byte NotAsked = byte.MaxValue;
    private readonly byte[] _answers = Empty();

    /// <summary>What the guest comes to on a host that takes all of its VMX capability MSRs.</summary>
    public Verdict On(PreparedHost host)
    {
        byte known = host.View < _answers.Length ? _answers[host.View] : NotAsked;
        return known == NotAsked ? Ask(host) : (Verdict)known;
    }

    private static byte[] Empty()
    {
        byte[] answers = new byte[VmxViewKey.Limit];
        Array.Fill(answers, NotAsked);
        return answers;
    }

    private Verdict Ask(PreparedHost host)
    {
        Verdict verdict = Look(host.Host.Facts);
        if (host.View < _answers.Length)
        {
            _answers[host.View] = (byte)verdict;
        }

        return verdict;
    }

    private Verdict Look(HostFacts host)
    {
        List<Finding> findings = [];
        List<MissingEvidence> missing = [];
        HopReport silent = new(0, [], []);
        PaperVcpu there = new(guest.Guest, host) { EvmcsDesign = host.Behaviours.EvmcsDesign };
        SetupClauses.Permission(there, silent);
        SetupClauses.Vm(there, silent);
        _ = SetupClauses.Vcpu(there, silent, GuestSetup.QemuVcpuSteps);
        VmxView view = new(new RouteQuestion { Guest = guest.Guest.Contract, Hosts = [guest.Source.Host, host.Host] });
        view.Look(guest.Vcpu, silent);
        view.Look(there, new HopReport(1, findings, missing));
        return Judgement.VerdictOf([.. findings], [.. missing]);
    }
}
