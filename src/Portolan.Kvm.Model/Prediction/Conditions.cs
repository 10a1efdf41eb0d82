namespace Portolan.Kvm.Model.Prediction;

/// <summary>Answers a row's conditions, with null where something that decides is not known.</summary>
internal sealed class Conditions(Hardware hardware, Parameters parameters)
{
    internal Hardware Hardware => hardware;

    /// <summary>Do all conditions hold?</summary>
    internal bool? Hold(ExposureRow row)
    {
        bool? all = true;
        foreach (ExposureCondition condition in row.When)
        {
            bool? one = Holds(condition);
            if (one == false)
            {
                return false;
            }

            all = one is null ? null : all;
        }

        return all;
    }

    private bool? Holds(ExposureCondition condition)
    {
        bool? answer = condition.Kind switch
        {
            ConditionKind.Feature => hardware.Has(condition.Name),
            ConditionKind.Param => parameters.IsOn(condition.Name),
            ConditionKind.Model => hardware.Line is { } line ? line.Name == condition.Name : null,
            ConditionKind.Msr => hardware.MsrBit(condition.Msr, condition.Bit),
            _ => null,
        };
        return answer is { } known ? known != condition.Negated : null;
    }
}
