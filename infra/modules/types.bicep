@export()
@description('What a run can ask for with machine: NAME.')
type machineClass = {
  @description('Letters, digits and -.')
  name: string

  @description('Workload profile of Container Apps: Consumption, Consumption-GPU-NC8as-T4, Consumption-GPU-NC24-A100.')
  profile: string
  cpu: string
  memory: string
  gpu: bool

  @description('GiB that a replica has for a run\'s files: 8 at most with more than one core, 4 with one. Inputs beyond it are refused at submission.')
  diskGiB: int
  replicas: int
}

@export()
@description('A user-assigned identity, as resources refer to it.')
type identityRef = { id: string, principalId: string, clientId: string }
