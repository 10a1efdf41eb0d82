global using Portolan.Kvm;
global using Portolan.Kvm.Capabilities;
global using Portolan.Kvm.State;
global using Portolan.X86.Cpuid;
global using Portolan.X86.Features;
global using Portolan.X86.Msr;
global using Portolan.X86.Xsave;
