using System.Collections.Immutable;
using System.Globalization;
using System.Xml;
using Portolan.Documents;
using Portolan.Formats.Libvirt;
using Portolan.X86.Models;

namespace Portolan.Formats.LibvirtDomain;

/// <summary>Reads a domain's XML as far as it decides the guest's CPU: the output of <c>virsh dumpxml</c>.</summary>
public static class LibvirtDomainReader
{
    private const string Advice = "write the file again with 'virsh dumpxml DOMAIN'";

    /// <summary>Reads the domain; the fault names the line.</summary>
    public static Reading<LibvirtDomainCpu> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Domain domain = new(request.File);
        return domain.Walk(request, "domain", Advice) is { } fault ? Reading.Refused<LibvirtDomainCpu>(fault) : Reading.Of(domain.Finish());
    }

    private sealed class Domain(string file) : XmlVisitor
    {
        private const int SevEs = 4; // the policy's bit 2 (AMD SEV API, GUEST_POLICY)

        private readonly List<(string Name, LibvirtFeaturePolicy Policy, int Line)> _features = [];
        private readonly SortedDictionary<string, string> _properties = new(StringComparer.Ordinal);
        private readonly SortedSet<string> _passedOver = new(StringComparer.Ordinal);
        private LibvirtDomainCpu _cpu = new();
        private string? _sevPolicy;

        public LibvirtDomainCpu Finish() => _cpu with
        {
            Features = [.. _features],
            Properties = _properties.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Confidential = _cpu.Confidential == "sev" && HasSevEs() ? "sev-es" : _cpu.Confidential,
            Remarks = _passedOver.Count == 0 ? [] : [$"passed over, because QEMU has no property of that name: {string.Join(", ", _passedOver)}"],
        };

        protected override void OnElement(XmlReader reader)
        {
            if (IsAt())
            {
                string type = reader.GetAttribute("type") ?? "";
                if (type is not ("kvm" or "qemu" or ""))
                {
                    Refuse(reader, "a domain that QEMU runs (type='kvm')", $"type='{Printable.OneLine(type)}'");
                }

                _cpu = _cpu with { Kvm = type != "qemu" };
            }
            else if (IsAt("os", "type"))
            {
                _cpu = _cpu with { MachineType = reader.GetAttribute("machine") };
                if (reader.GetAttribute("arch") is { } architecture and not ("x86_64" or "i686"))
                {
                    Refuse(reader, "an x86 guest", $"arch='{Printable.OneLine(architecture)}'");
                }
            }
            else if (IsAt("launchSecurity"))
            {
                TakeSecurity(reader, reader.GetAttribute("type") ?? "");
            }
            else if (IsAt("clock", "timer"))
            {
                TakeTimer(reader);
            }
            else
            {
                TakeCpu(reader);
                TakeFeatures(reader);
            }
        }

        protected override void OnText(string text)
        {
            if (IsAt("name"))
            {
                _cpu = _cpu with { Name = text };
            }
            else if (IsAt("cpu", "model"))
            {
                _cpu = _cpu with { Model = text };
            }
            else if (IsAt("launchSecurity", "policy"))
            {
                _sevPolicy = text;
            }
        }

        private void Refuse(XmlReader reader, string expected, string found) => Refuse(reader, file, expected, found, Advice);

        private void TakeCpu(XmlReader reader)
        {
            if (IsAt("cpu"))
            {
                string mode = Word(reader, "mode", "custom", "custom", "host-model", "host-passthrough", "maximum");
                string match = Word(reader, "match", "exact", "exact", "minimum", "strict");
                string check = Word(reader, "check", "", "", "none", "partial", "full");
                string migratable = Word(reader, "migratable", "", "", "on", "off");
                _cpu = _cpu with { Mode = mode, Match = match, Check = check.Length == 0 ? null : check, Migratable = migratable.Length == 0 ? null : migratable == "on" };
            }
            else if (IsAt("cpu", "model"))
            {
                _cpu = _cpu with { VendorId = reader.GetAttribute("vendor_id") };
                if (_cpu.VendorId is { Length: not 12 } vendor)
                {
                    Refuse(reader, "a vendor_id of 12 characters", $"'{Printable.OneLine(vendor)}'");
                }
            }
            else if (IsAt("cpu", "feature"))
            {
                string name = reader.GetAttribute("name") ?? "";
                string policy = Word(reader, "policy", "require", "force", "require", "optional", "disable", "forbid");
                if (!QemuCpuFacts.TryFindLibvirt(name, out _) && !Features.Contains(name))
                {
                    Refuse(reader, "a CPU feature of libvirt's", name.Length == 0 ? "no name" : $"'{Printable.OneLine(name)}'");
                }

                _ = Enum.TryParse(policy, ignoreCase: true, out LibvirtFeaturePolicy word);
                _features.Add((name, word, (reader as IXmlLineInfo)?.LineNumber ?? 0));
            }
            else if (IsAt("cpu", "maxphysaddr"))
            {
                TakeWidth(reader);
            }
        }

        /// <summary>Features of libvirt's map that QEMU has no property for: libvirt itself leaves them out of the command line.</summary>
        private static readonly string[] Features = [.. CpuModelTable.Of(CpuModelOrigin.Libvirt).SelectMany(model => model.Features.AddRange(model.Retired)).Distinct()];

        private void TakeWidth(XmlReader reader)
        {
            if (Word(reader, "mode", "emulate", "emulate", "passthrough") == "passthrough")
            {
                _properties["host-phys-bits"] = "on";
                TakeNumber(reader, "limit", "host-phys-bits-limit");
            }
            else
            {
                TakeNumber(reader, "bits", "phys-bits");
            }
        }

        private void TakeFeatures(XmlReader reader)
        {
            string state = reader.GetAttribute("state") ?? "on";
            if (IsAt("features", "hyperv"))
            {
                _ = Word(reader, "mode", "custom", "custom", "passthrough") == "passthrough" && (_properties["hv-passthrough"] = "on") is null;
            }
            else if (IsAt("features", "hyperv", reader.LocalName))
            {
                TakeEnlightenment(reader, "hv-" + reader.LocalName.Replace('_', '-'), state);
            }
            else if (IsAt("features", "hyperv", "stimer", "direct") || IsAt("features", "hyperv", "tlbflush", "direct"))
            {
                TakeEnlightenment(reader, IsAt("features", "hyperv", "stimer", "direct") ? "hv-stimer-direct" : "hv-tlbflush-direct", state);
            }
            else if (IsAt("features", "hyperv", "tlbflush", "extended"))
            {
                TakeEnlightenment(reader, "hv-tlbflush-ext", state);
            }
            else if (IsAt("features", "kvm", reader.LocalName))
            {
                bool hidden = reader.LocalName == "hidden";
                TakeEnlightenment(reader, hidden ? "kvm" : "kvm-" + (reader.LocalName == "hint-dedicated" ? "hint-dedicated" : reader.LocalName), hidden ? Opposite(state) : state);
            }
            else if (IsAt("features", "pmu") || IsAt("features", "pvspinlock"))
            {
                _properties[reader.LocalName == "pmu" ? "pmu" : "kvm-pv-unhalt"] = state == "off" ? "off" : "on";
            }
        }

        private void TakeEnlightenment(XmlReader reader, string property, string state)
        {
            if (!QemuCpuFacts.TryFind(property, out QemuProperty? known))
            {
                _passedOver.Add(Printable.OneLine(property));
            }
            else if (state is not ("on" or "off"))
            {
                Refuse(reader, "state='on' or 'off'", $"'{Printable.OneLine(state)}'");
            }
            else if (known.IsOnOff)
            {
                _properties[known.Name] = state;
            }
            else if (state == "on" && known.Kind == QemuPropertyKind.Text && reader.GetAttribute("value") is { } text)
            {
                _properties[known.Name] = text;
            }
            else if (state == "on")
            {
                TakeNumber(reader, "retries", known.Name);
            }
        }

        private void TakeTimer(XmlReader reader)
        {
            string present = reader.GetAttribute("present") ?? "yes";
            switch (reader.GetAttribute("name"))
            {
                case "tsc" when reader.GetAttribute("frequency") is not null:
                    TakeNumber(reader, "frequency", "tsc-frequency");
                    break;
                case "kvmclock":
                    _properties["kvmclock"] = present == "no" ? "off" : "on";
                    break;
                case "hypervclock" when present != "no":
                    _properties["hv-time"] = "on";
                    break;
                default:
                    break;
            }
        }

        private void TakeSecurity(XmlReader reader, string type)
        {
            if (type is not ("sev" or "sev-snp" or "tdx"))
            {
                Refuse(reader, "launchSecurity of type sev, sev-snp or tdx", $"'{Printable.OneLine(type)}'");
            }

            _cpu = _cpu with { Confidential = type };
        }

        private void TakeNumber(XmlReader reader, string attribute, string property)
        {
            if (reader.GetAttribute(attribute) is not { } text)
            {
                return;
            }

            if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) || number > (property == "tsc-frequency" ? (ulong)long.MaxValue : uint.MaxValue)
                || (property.Contains("phys-bits", StringComparison.Ordinal) && number > 64))
            {
                Refuse(reader, $"a number as {attribute}", $"'{Printable.OneLine(text)}'");
            }

            _properties[property] = number.ToString(CultureInfo.InvariantCulture);
        }

        private string Word(XmlReader reader, string attribute, string otherwise, params string[] known)
        {
            string word = reader.GetAttribute(attribute) ?? otherwise;
            if (!known.Contains(word))
            {
                Refuse(reader, $"{attribute} to be one of {string.Join(", ", known.Where(one => one.Length > 0))}", $"'{Printable.OneLine(word)}'");
            }

            return word;
        }

        private bool HasSevEs()
            => _sevPolicy is { } text && (text.StartsWith("0x", StringComparison.Ordinal)
                ? int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int policy)
                : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out policy)) && (policy & SevEs) != 0;

        private static string Opposite(string state) => state switch { "on" => "off", "off" => "on", _ => state };
    }
}
