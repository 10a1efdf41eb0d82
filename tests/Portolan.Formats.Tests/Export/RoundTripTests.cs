using System.Collections.Immutable;
using System.Text;
using CsCheck;
using Portolan.Documents.Hosts;
using Portolan.Formats.Export;
using Portolan.Formats.FirecrackerTemplate;
using Portolan.Formats.LibvirtDomain;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Models;
using Portolan.X86.Msr;

namespace Portolan.Formats.Tests.Export;

public sealed class RoundTripTests
{
    private static readonly GuestFormat[] Named = [.. GuestFormat.All.Where(static format => format.Name is not ("json" or "firecracker"))];

    private static readonly Lazy<(string Name, HostSnapshot Host, GuestContract Guest)[]> Known = new(() => [.. Shipped(), .. Predicted()]);

    [Fact]
    public void What_QEMU_makes_of_each_of_its_models_comes_back_whole()
    {
        foreach (CpuModel model in CpuModelTable.Of(CpuModelOrigin.Qemu))
        {
            GuestContract guest = QemuExpansion.From(new QemuCpuRequest { Base = QemuCpuBase.Model, Model = model, MachineType = "pc-q35-10.0" }, null).Contract!;

            ExportedGuest export = GuestFormat.Qemu.Write(guest, null).Export!;

            Assert.True(export.Uncarried.IsEmpty, $"{model}: {export.Text} {string.Join("; ", export.Uncarried)}");
            Assert.Empty(ContractDifference.Between(guest, FormReaders.Read(GuestFormat.Qemu, export.Text, null)));
        }
    }

    [Fact]
    public void What_QEMU_makes_of_libvirts_models_comes_back_whole_from_a_domain()
    {
        int models = 0;
        foreach (CpuModel model in CpuModelTable.Of(CpuModelOrigin.Libvirt))
        {
            if (!CpuModelTable.TryFind(CpuModelOrigin.Qemu, model.Name, out CpuModel? qemu))
            {
                continue;
            }

            GuestContract guest = QemuExpansion.From(new QemuCpuRequest { Base = QemuCpuBase.Model, Model = qemu, MachineType = "pc-q35-10.0" }, null).Contract!;
            ExportedGuest export = GuestFormat.Libvirt.Write(guest, null).Export!;
            Assert.Empty(ContractDifference.Between(guest, FormReaders.Read(GuestFormat.Libvirt, export.Text, null)));
            Assert.Empty(export.Uncarried);
            models++;
        }

        Assert.InRange(models, 30, int.MaxValue);
    }

    [Fact]
    public void Each_known_hosts_guest_loses_in_each_form_exactly_what_the_export_says()
    {
        int carried = 0;
        foreach ((string name, HostSnapshot host, GuestContract guest) in Known.Value)
        {
            foreach (GuestFormat format in Named)
            {
                foreach (HostSnapshot? on in (HostSnapshot?[])[host, null])
                {
                    carried += Check(format, guest, on, name) ? 1 : 0;
                }
            }
        }

        Assert.InRange(carried, 100, int.MaxValue);
    }

    [Fact]
    public void The_same_contract_gives_the_same_text()
    {
        (string _, HostSnapshot host, GuestContract guest) = Known.Value.First(static known => known.Name.Contains("intel", StringComparison.Ordinal));
        Assert.All(GuestFormat.All, format => Assert.Equal(format.Write(guest, host).Export!.Text, format.Write(guest, host).Export!.Text));
    }

    [Fact]
    public void Random_contracts_lose_in_each_form_exactly_what_the_export_says()
        => RandomContract().Sample(
            static pair =>
            {
                foreach (GuestFormat format in Named)
                {
                    Check(format, pair.Guest, pair.Host, pair.Guest.Name!);
                }
            },
            iter: 20, seed: "000Expo9RtE0");

    [Fact]
    public void A_Firecracker_template_applied_to_its_host_gives_the_guest_but_for_what_the_export_says()
    {
        foreach ((string name, HostSnapshot host, GuestContract guest) in Known.Value)
        {
            ExportedGuest export = GuestFormat.Firecracker.Write(guest, host).Export!;
            GuestContract imported = FirecrackerTemplateReader.Define(new ImportRequest(name, Encoding.UTF8.GetBytes(export.Text)), host, new GuestRequest()).Value!.Contract!;
            AssertSame(ContractDifference.Between(guest, imported), export.Uncarried, $"{name}: {export.Text}");
            Assert.Empty(ContractDifference.Between(TemplateReader.Apply(export.Text, host), imported).Where(static difference => difference.Kind == UncarriedKind.Cpuid));
        }
    }

    [Fact]
    public void The_own_document_carries_everything()
        => Assert.All(Known.Value, static known =>
        {
            ExportedGuest export = GuestFormat.Json.Write(known.Guest, null).Export!;
            Assert.Empty(export.Uncarried);
            GuestContract back = Documents.Guests.GuestContractDocument.Read("g", Encoding.UTF8.GetBytes(export.Text)).Value!;
            Assert.Empty(ContractDifference.Between(known.Guest, back));
        });

    [Fact]
    public void Each_bit_that_a_contract_loses_is_one_difference()
    {
        (string _, HostSnapshot _, GuestContract guest) = Known.Value.First(static known => known.Name.Contains("intel", StringComparison.Ordinal));
        int bits = 0;
        foreach (CpuidFeature feature in FeatureTable.All.ToArray().Where(feature => feature is { IsBit: true, VariesAtRunTime: false } && feature.Rule != MigrationRule.Synthesised && guest.Cpuid.Has(feature)))
        {
            Uncarried one = Assert.Single(ContractDifference.Between(guest, guest with { Cpuid = guest.Cpuid.WithValue(feature, 0) }));
            Assert.Equal((UncarriedKind.Cpuid, feature.Place(HypervisorLeaves.UsualBase(feature.Space), feature.Address.Subleaf), "1", "0"), (one.Kind, one.Place, one.Promised, one.Carried));
            bits++;
        }

        foreach (MsrValue msr in guest.FeatureMsrs)
        {
            Uncarried gone = Assert.Single(ContractDifference.Between(guest, guest with { FeatureMsrs = guest.FeatureMsrs.Without(msr.Index) }));
            Assert.Equal((UncarriedKind.Msr, KnownMsrs.Describe(msr.Index), "absent"), (gone.Kind, gone.Place, gone.Carried));
            Assert.NotEmpty(ContractDifference.Between(guest, guest with { FeatureMsrs = guest.FeatureMsrs.With(msr.Index, msr.Value ^ 1) }));
        }

        Assert.InRange(bits, 50, int.MaxValue);
        Assert.Empty(ContractDifference.Between(guest, guest));
        Assert.Single(ContractDifference.Between(guest, guest with { TscKhz = 1 }));
    }

    [Fact]
    public void No_form_takes_a_model_of_another_vendor_or_family()
        => Assert.All(Known.Value, static known =>
        {
            string text = GuestFormat.Qemu.Write(known.Guest, known.Host).Export?.Text ?? "";
            if (text.Length > 0)
            {
                GuestContract back = FormReaders.Read(GuestFormat.Qemu, text, null);
                Assert.Equal(known.Guest.Cpuid.GetOrZero(0) with { Eax = 0 }, back.Cpuid.GetOrZero(0) with { Eax = 0 });
                Assert.Equal(CpuSignature.FromLeaf1(known.Guest.Cpuid.GetOrZero(1).Eax).Family, CpuSignature.FromLeaf1(back.Cpuid.GetOrZero(1).Eax).Family);
            }
        });

    private static bool Check(GuestFormat format, GuestContract guest, HostSnapshot? host, string name)
    {
        GuestExportAnswer answer = format.Write(guest, host);
        if (answer.Export is not { } export)
        {
            Assert.Contains("no model of", answer.Problem, StringComparison.Ordinal);
            return false;
        }

        AssertSame(ContractDifference.Between(guest, FormReaders.Read(format, export.Text, host)), export.Uncarried, $"{format.Name}, {name}: {export.Text}");
        if (format.Name == "libvirt")
        {
            LibvirtDomainCpu domain = LibvirtDomainReader.Read(new ImportRequest(name, Encoding.UTF8.GetBytes(export.Text))).Value!;
            Assert.Empty(domain.Remarks);
            AssertSame(ContractDifference.Between(guest, LibvirtDomainGuest.Define(domain, host).Contract!), export.Uncarried, name);
        }

        return true;
    }

    private static void AssertSame(ImmutableArray<Uncarried> lost, ImmutableArray<Uncarried> said, string what)
        => Assert.True(lost.SequenceEqual(said), $"{what}\nonly lost: {string.Join("; ", lost.Except(said))}\nonly said: {string.Join("; ", said.Except(lost))}");

    private static Gen<(HostSnapshot Host, GuestContract Guest)> RandomContract()
    {
        CpuidFeature[] removable = [.. FeatureTable.All.ToArray().Where(static feature => feature is { IsBit: true, Space: not CpuidSpace.HyperV, VariesAtRunTime: false })];
        return Gen.Select(
            Gen.Int[0, Known.Value.Length - 1], Gen.Int[0, removable.Length - 1].Array[0, 12], Gen.ULong, Gen.UInt[0, 4_000_000], Gen.Bool,
            (at, gone, mask, khz, machine) =>
            {
                (string name, HostSnapshot host, GuestContract guest) = Known.Value[at];
                MsrTable msrs = MsrTable.From(guest.FeatureMsrs.Select(msr => msr with { Value = msr.Index == MsrIndex.Ia32ArchCapabilities ? msr.Value & mask : msr.Value }));
                return (host, guest with
                {
                    Name = "random " + name,
                    Cpuid = CpuidEdit.Without(guest.Cpuid, [.. gone.Select(index => removable[index])]),
                    FeatureMsrs = msrs,
                    TscKhz = khz < 1000 ? null : khz,
                    MachineType = machine ? "pc-q35-9.2" : null,
                });
            });
    }

    private static IEnumerable<(string, HostSnapshot, GuestContract)> Shipped()
    {
        foreach (string file in Directory.EnumerateFiles(Repository.At("data", "hosts"), "*.json").Order(StringComparer.Ordinal))
        {
            HostSnapshot host = HostSnapshotDocument.Read(file, File.ReadAllBytes(file)).Value!;
            string name = Path.GetFileNameWithoutExtension(file);
            GuestDefinitionAnswer plain = GuestDefinition.From(host, new GuestRequest());
            Assert.True(plain.Contract is not null, $"{name}: {plain.Reason}");
            yield return (name, host, plain.Contract! with { MachineType = "pc-q35-10.0" });
            if (GuestDefinition.From(host, new GuestRequest { Hyperv = true, TscKhz = 2_400_000 }).Contract is { } hyperv)
            {
                yield return (name + " with Hyper-V", host, hyperv);
            }

            if (GuestDefinition.From(host, new GuestRequest { EnlightenedVmcs = true }).Contract is { } evmcs)
            {
                yield return (name + " with eVMCS", host, evmcs);
            }
        }
    }

    private static IEnumerable<(string, HostSnapshot, GuestContract)> Predicted()
    {
        foreach (CpuLine line in CpuLineTable.All)
        {
            HostSnapshot host = Predictor.ForCpu(line, new KernelRelease(6, 18, 5));
            if (GuestDefinition.From(host, new GuestRequest()).Contract is { } guest)
            {
                yield return (line.Name, host, guest);
            }
        }
    }
}
