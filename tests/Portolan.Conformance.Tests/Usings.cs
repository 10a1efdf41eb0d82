global using Portolan.Kvm;
global using Portolan.Testing;
global using Xunit;
